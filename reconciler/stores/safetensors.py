"""The header of a ``*.safetensors`` file: names, types and shapes of its tensors. The weights themselves are never read.

Eight bytes tell the length of the header, which is JSON: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

LONGEST = 100_000_000
"""Bytes of a header; the format's own limit."""

_LFS = b"version https://git-lfs"
_WEIGHTS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Types of weights that are not quantised, as PyTorch calls them."""


_Whole = Annotated[int, Field(ge=0, strict=True)]


class NotSafetensors(ValueError):
    """Says what the file is instead. ``pointer``: to a file that Git LFS has not fetched."""

    def __init__(self, why: str, *, pointer: bool = False) -> None:
        super().__init__(why)
        self.pointer = pointer


class Tensor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = Field(alias="dtype")
    """As the format calls it: ``BF16``."""
    shape: tuple[_Whole, ...]
    data_offsets: tuple[_Whole, _Whole]

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.data_offsets[1] - self.data_offsets[0]

    @property
    def dtype(self) -> str | None:
        """As PyTorch calls it; ``None``: of a buffer, or quantised."""
        return _WEIGHTS.get(self.type)


_Tensors = TypeAdapter(dict[str, Tensor])


def read_header(file: BinaryIO, size: int) -> dict[str, Tensor]:
    """By name. ``size``: of the whole file, which must hold all that the header tells of. Raises NotSafetensors."""
    start = file.read(len(_LFS))
    if start == _LFS:
        raise NotSafetensors("it is a pointer of Git LFS", pointer=True)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or not 2 <= length <= min(size - 8, LONGEST):
        raise NotSafetensors("its header is cut off")
    file.seek(8)
    tensors = _parsed(file.read(length))
    end = max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
    if 8 + length + end > size:
        raise NotSafetensors(f"it is cut off: {8 + length + end:,} bytes are told, {size:,} are there")
    return tensors


def _parsed(header: bytes) -> dict[str, Tensor]:
    """Beside tensors it may hold notes of whoever wrote it."""
    try:
        told = json.loads(header)
        told.pop("__metadata__", None)
        return _Tensors.validate_python(told)
    except (ValueError, AttributeError, TypeError, RecursionError) as trouble:
        raise NotSafetensors("its header is not what the format says") from trouble
