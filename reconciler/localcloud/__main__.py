"""`python -m reconciler.localcloud`: run the embedded cloud in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from reconciler.localcloud.state import DEFAULT_STATE_DIR


def main() -> int:
    options = _parser().parse_args()
    # Before moto is imported, which reads it then: pages of other origins get no leave to read answers.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    from reconciler.localcloud.execution.settings import ExecutionSettings
    from reconciler.localcloud.server import AlreadyRunning, serve
    from reconciler.localcloud.snapshot import UnreadableSnapshot

    folder = options.state_dir / "execution"
    execution = (
        ExecutionSettings(folder=folder, threads=options.threads, jobs=options.jobs) if options.execute else None
    )
    try:
        serve(
            options.state_dir,
            host=options.host,
            port=options.port,
            speed=options.speed,
            execution=execution,
            ready_fd=options.ready_fd,
        )
    except (ValueError, OSError, AlreadyRunning, UnreadableSnapshot) as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reconciler.localcloud", description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="folder of its state (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0: the one used last, else a free one")
    parser.add_argument("--speed", type=float, help="cloud seconds in a second; 0 stands still (saved clock's, else 1)")
    parser.add_argument("--execute", action="store_true", help="really train and serve what this machine can")
    parser.add_argument("--threads", type=int, default=1, help="compute threads of each process (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time (%(default)s)")
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
