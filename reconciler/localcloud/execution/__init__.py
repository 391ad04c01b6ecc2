"""The runtime that really runs what it can: training programs and model servers as supervised processes of this machine."""
