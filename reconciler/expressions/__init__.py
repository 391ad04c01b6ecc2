"""A subset of the Common Expression Language (CEL): text → tree → value. Standard library only, and bounded in every direction."""
