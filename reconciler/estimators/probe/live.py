"""Counts the bytes of all storages that live, as PyTorch makes and frees them."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

BLOCK = 512
"""The CUDA caching allocator rounds up to blocks of 512 bytes (c10/cuda/CUDACachingAllocator.cpp, kMinBlockSize)."""


class LiveBytes(TorchDispatchMode):  # type: ignore[misc]
    """``peaks``: the most that lived at once in each moment, in bytes; ``moment`` names the present one."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = "start"
        self.peaks: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        self._current = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        pytree.tree_map_only(torch.Tensor, self._count, result)
        self.peaks[self.moment] = max(self.peaks.get(self.moment, 0), self._current)
        return result

    def _count(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._sizes:
            size = -(-storage.nbytes() // BLOCK) * BLOCK
            self._sizes[key] = size
            self._current += size
            weakref.finalize(storage, self._free, key)
        return tensor

    def _free(self, key: int) -> None:
        self._current -= self._sizes.pop(key, 0)
