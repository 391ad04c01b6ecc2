"""A linear layer as bitsandbytes holds it in 4 bits: packed weights with their scales, unpacked for each product, kept by nothing.

Sizes and lifetimes are those of ``bitsandbytes.nn.Linear4bit`` and its ``MatMul4Bit``; the numbers mean nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from reconciler.estimators.setup import Dtype
from reconciler.estimators.states import QUANTISED


class PackedLinear(nn.Linear):  # type: ignore[misc]
    """In place of a linear layer without bias, or with."""

    def __init__(self, linear: nn.Linear, dtype: Dtype) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=False, device="meta")
        packed = int(linear.weight.numel() * QUANTISED[dtype])
        self.computes_in = linear.weight.dtype
        self.weight = nn.Parameter(torch.empty(packed, dtype=torch.uint8), requires_grad=False)
        self.bias = linear.bias

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        shape = (self.out_features, self.in_features)
        product = _Unpacked.apply(hidden.to(self.computes_in), self.weight, shape)
        return product if self.bias is None else product + self.bias


class _Unpacked(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, packed: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        ctx.packed, ctx.shape = packed, shape
        return nn.functional.linear(hidden, _unpacked(packed, shape, hidden.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradient @ _unpacked(ctx.packed, ctx.shape, gradient.dtype), None, None


def pack(model: nn.Module, dtype: Dtype) -> None:
    """Every linear layer but the head."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and name != "lm_head":
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, PackedLinear(module, dtype))


def _unpacked(packed: torch.Tensor, shape: tuple[int, int], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device=packed.device)
