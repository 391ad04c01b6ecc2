"""Archives of models, unpacked: whole or not at all, and nothing outside their folder.

Who trained a model is not always who downloads it: an archive is not trusted. Links and devices are refused altogether; names that
lead out, owners and permissions are what Python's ``data`` filter makes of them (PEP 706).
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path

from reconciler.domain.errors import ReconcilerError


def extract(archive: Path, target: Path) -> int:
    """All files as the folder ``target``, which must not be there yet; returns how many. Raises ReconcilerError."""
    require_absent(target)
    staged = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        count = _unpack(archive, staged)
        staged.chmod(0o755)
        os.replace(staged, target)
    except (tarfile.TarError, EOFError, zlib.error) as trouble:
        raise ReconcilerError(
            f"{archive} cannot be unpacked: {trouble}", hint="The archive itself is kept."
        ) from trouble
    except OSError as trouble:
        raise ReconcilerError(
            f"{archive} cannot be unpacked to {target}: {trouble.strerror or trouble}",
            hint="The archive itself is kept.",
        ) from trouble
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return count


def require_absent(target: Path) -> None:
    if os.path.lexists(target):
        raise ReconcilerError(f"{target} is there already", hint="Move it away, or name another folder with --out.")


def _unpack(archive: Path, folder: Path) -> int:
    with tarfile.open(archive, mode="r|*") as tar:
        count = 0
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise tarfile.TarError(f"{member.name!r} is a link or a device")
            tar.extract(member, folder, filter="data")
            count += member.isfile()
        return count
