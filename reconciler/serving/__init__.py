"""The server inside the inference container: SageMaker's hosting contract in front of Transformers.

`python -m reconciler.serving` runs it. It imports nothing of the rest of the reconciler, so that it can travel alone.
"""
