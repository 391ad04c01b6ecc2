"""Starts one command and ends it when it is told to, or when whoever asked for it is gone. Standard library alone; run as a file.

    python -I warden.py CONTROL NICENESS GRACE COMMAND...

CONTROL is the reading end of a pipe. A line with a number of seconds on it means: SIGTERM to the command's process group now,
SIGKILL after that long. The end of the pipe means the same with GRACE seconds: its other end closes with the process that holds
it, however that dies. Exits as a shell does: with the command's code, or 128 + n where signal n ended it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def main(arguments: list[str]) -> int:
    control, niceness, grace, *command = arguments
    os.nice(int(niceness))
    try:
        child = subprocess.Popen(command, start_new_session=True)
    except OSError as wrong:
        sys.stderr.write(f"{command[0]}: {wrong.strerror}\n")
        return 127
    threading.Thread(target=_obey, args=(int(control), child, float(grace)), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)  # whatever it left behind in its group
    return code if code >= 0 else 128 - code


def _obey(control: int, child: subprocess.Popen[bytes], grace: float) -> None:
    with os.fdopen(control) as orders:
        for order in orders:
            _end(child, float(order))
    _end(child, grace)


def _end(child: subprocess.Popen[bytes], seconds: float) -> None:
    _signal(child, signal.SIGTERM)
    patience = threading.Timer(seconds, _signal, args=(child, signal.SIGKILL))
    patience.daemon = True
    patience.start()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
