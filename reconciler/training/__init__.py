"""The program inside the training container: SageMaker's training contract around TRL's SFTTrainer.

`train.py` at the root of the archive starts it there, `python -m reconciler.training` here. It imports nothing of the rest of the
reconciler, so that it can travel alone; torch and what stands on it are imported where they are used.
"""
