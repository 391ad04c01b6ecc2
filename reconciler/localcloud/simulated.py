"""What a simulated training leaves behind: losses that fall with the epochs, and an archive that says what it is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from reconciler.localcloud.resource import Resource

README = "This archive was written by a simulated training job: it holds no weights.\nTraining job: {arn}\n"


MOST_BYTES = 4096
"""No archive of a simulated job is larger."""


def archive(job: Resource) -> bytes:
    """A model.tar.gz with nothing but a README; the same bytes for the same job."""
    text = README.format(arn=job.arn).encode()
    entry = tarfile.TarInfo("README.md")
    entry.size, entry.mtime = len(text), int(job.created)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        tar.addfile(entry, io.BytesIO(text))
    return written.getvalue()


def is_archive(content: bytes) -> bool:
    """Whether a simulated training job wrote it."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
            readme = tar.extractfile("README.md") if tar.getnames() == ["README.md"] else None
            return readme is not None and readme.read().decode().startswith(README.partition("\n")[0])
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError):
        return False


def loss(epochs: float) -> float:
    """Falls from 2.0 before the first epoch towards 0.6. A made-up curve: no data and no hyperparameter shape it."""
    return round(0.6 + 1.4 / (1.0 + epochs), 4)


def metrics(epochs: float, *, evaluated: bool) -> dict[str, float]:
    """The last losses, on validation data only where there is any."""
    final = {"train:loss": loss(epochs)}
    return final | {"eval:loss": round(loss(epochs) + 0.1, 4)} if evaluated else final


def log_lines(epochs: float) -> Iterator[str]:
    """One line for each epoch begun."""
    yield "Simulated training: time passes, nothing is computed."
    done = 0.0
    while done < epochs:
        done = min(done + 1, epochs)
        yield f"epoch {done:g}/{epochs:g} train_loss={loss(done)} (simulated)"
