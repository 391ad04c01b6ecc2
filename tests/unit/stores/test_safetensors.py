"""Headers of ``*.safetensors`` files."""

from __future__ import annotations

import io
import json

import pytest

from reconciler.stores.safetensors import LONGEST, NotSafetensors, Tensor, read_header
from tests.folders import a_header


def read(content: bytes, size: int | None = None) -> dict[str, Tensor]:
    return read_header(io.BytesIO(content), len(content) if size is None else size)


def written(header: object) -> bytes:
    told = json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told


def test_names_types_and_shapes_are_read_and_no_weights() -> None:
    header, size = a_header({"a": (3, 5), "b": (7,), "scalar": ()}, "F32")
    found = read(header, len(header) + size)
    assert {name: (tensor.dtype, tensor.shape, tensor.parameters, tensor.size) for name, tensor in found.items()} == {
        "a": ("float32", (3, 5), 15, 60),
        "b": ("float32", (7,), 7, 28),
        "scalar": ("float32", (), 1, 4),
    }


def test_quantised_weights_have_no_type_of_weights() -> None:
    header, size = a_header({"a": (4,)}, "U8")
    assert read(header, len(header) + size)["a"].dtype is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "its header is cut off"),
        (b"\x10\0\0", "its header is cut off"),
        (b"\xff" * 8 + b"{}", "its header is cut off"),
        ((LONGEST + 1).to_bytes(8, "little") + b"{", "its header is cut off"),
        (written({"a": 1})[:-3], "its header is cut off"),
        ((2).to_bytes(8, "little") + b"{]", "its header is not what the format says"),
        ((2).to_bytes(8, "little") + b"\xff\xff", "its header is not what the format says"),
        (written([]), "its header is not what the format says"),
        (written({"a": {"dtype": "F32", "shape": [2]}}), "its header is not what the format says"),
        (written({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}), "its header is not what the format"),
        ((80_000).to_bytes(8, "little") + b"[" * 80_000, "its header is not what the format says"),
    ],
)
def test_what_is_no_such_file_is_told(content: bytes, why: str) -> None:
    with pytest.raises(NotSafetensors, match=why) as caught:
        read(content)
    assert not caught.value.pointer


def test_weights_that_are_cut_off_are_found_by_the_header_alone() -> None:
    header, size = a_header({"a": (100,)})
    with pytest.raises(NotSafetensors, match=f"cut off: {len(header) + size} bytes are told, {len(header) + 199} are"):
        read(header, len(header) + 199)


def test_a_pointer_of_git_lfs() -> None:
    with pytest.raises(NotSafetensors, match="pointer of Git LFS") as caught:
        read(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert caught.value.pointer
