"""The exact peak of a training step on one GPU, without the GPU: Transformers, peft and TRL run two steps on fake tensors, which have
shapes and no contents, and every storage that lives is counted.

A subprocess does it, since importing these libraries takes seconds: :mod:`reconciler.estimators.probe.step`. What it cannot see is
told as a reason: kernels of quantised weights, sharding over GPUs, loss kernels that need a GPU.
"""
