"""A process that has the heavy libraries loaded, and forks for every run of the program: seconds less each, and nothing shared.

One JSON line in: ``{"environment": {…}, "output": FILE}``. One line out: the process id of the run, then its exit code.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    import datasets  # noqa: F401
    import peft  # noqa: F401

    import reconciler.training.training  # noqa: F401  (torch, transformers and trl with it)

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_run(asked["environment"], asked["output"]))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(environment: dict[str, str], output: str) -> int:
    from reconciler.training.program import main as train

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.clear()
    os.environ.update(environment)
    code = train(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main()
