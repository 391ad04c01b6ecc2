"""How long a training takes, what memory and storage it needs, how many tokens data has: ranges with their assumptions.

First, modest closed forms. Every function is pure; what cannot be told is an unknown estimate that says why.
"""
