"""One contract, which every provider keeps on the embedded cloud."""
