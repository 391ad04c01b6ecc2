"""Training data: read, check, split, convert, count, digest. Streaming: a file is never held in memory.

Nothing here opens a file: callers hand in an :data:`~reconciler.datasets.source.Open`.
"""
