"""The log of a crash: what a report needs, and nothing secret."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconciler import __version__


def write_log(trouble: BaseException, arguments: Sequence[str]) -> Path:
    """Readable by its owner alone, in ``$XDG_STATE_HOME/reconciler/``; where that cannot be written, in the temporary folder."""
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    text = _report(trouble, arguments)
    try:
        return _written(_state_home() / "reconciler" / name, text)
    except OSError:
        import tempfile

        return _written(Path(tempfile.mkdtemp(prefix="reconciler-")) / name, text)


def _report(trouble: BaseException, arguments: Sequence[str]) -> str:
    head = f"reconciler {__version__}, Python {platform.python_version()}, {platform.platform()}"
    return "\n".join((head, f"arguments: {list(arguments)}", "", *traceback.format_exception(trouble)))


def _state_home() -> Path:
    """XDG Base Directory Specification: a relative value is ignored."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".local" / "state"


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(text)
    if os.environ.get("RECONCILER_TRACEBACK"):
        sys.stderr.write(text)
    return path
