"""A bucket that the embedded cloud offers, as Hugging Face's hub and JumpStart's buckets are offered: base models so small that any
machine trains them in seconds. They are made on the spot, from a seed, when a training that runs for real asks for one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.localcloud.service import Objects

BUCKET = "embedded-model-hub"
SHAPES: Mapping[str, str] = {"tiny-llama": "llama", "tiny-qwen": "qwen"}
"""The folders in the bucket, and the architecture of each."""
SEED = 7
TIMEOUT = 300.0
_making = threading.Lock()


class NotMade(Exception):
    """A base model could not be made. The message says why."""


def is_offered(uri: str) -> bool:
    """Whether the URI names one of the models, made or not."""
    return _name(uri) is not None


def provide(uri: str, objects: Objects, environment: Mapping[str, str]) -> None:
    """See to it that the model is in the bucket, where the URI names one. Takes seconds the first time. Raises NotMade."""
    name = _name(uri)
    if name is None:
        return
    with _making:
        if not objects.list(f"s3://{BUCKET}/{name}/"):
            _make(name, objects, environment)


def _make(name: str, objects: Objects, environment: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="reconciler-hub-") as folder:
        command = [sys.executable, "-m", "reconciler.training.tiny", "--shape", SHAPES[name], "--seed", str(SEED)]
        _run([*command, "--out", folder], environment)
        objects.make_bucket(BUCKET)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                objects.put(f"s3://{BUCKET}/{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    package = str(Path(__file__).resolve().parents[2])
    with_package = {**environment, "PYTHONPATH": package}
    try:
        done = subprocess.run(
            command, env=with_package, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as slow:
        raise NotMade(f"it was not made within {TIMEOUT:g} s") from slow
    if done.returncode != 0:
        raise NotMade("\n".join((done.stdout + done.stderr).splitlines()[-10:]))


def _name(uri: str) -> str | None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    name = key.partition("/")[0]
    return name if bucket == BUCKET and name in SHAPES else None
