"""The main job on examples/quickstart, as a user would type it: plan, apply, status, plan again. Run by `make demo`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

QUICKSTART = Path(__file__).parent / "quickstart"
NOTHING_TO_DO = 0


def main() -> int:
    say(
        "An empty embedded cloud on this machine: AWS's APIs are simulated, nothing leaves this machine, nothing is billed."
    )
    reconciler("local", "reset", "--yes")
    say("What would be done, why, and for how much at AWS's prices:")
    reconciler("plan")
    say("Do it, and go round until the cloud is as the manifests say:")
    reconciler("apply", "--auto-approve")
    reconciler("status")
    say("Plan once more: there is nothing left to do.")
    reconciler("plan", "--detailed-exitcode", expect=NOTHING_TO_DO)
    say(
        "The embedded cloud stays up. Try: change `epochs` in examples/quickstart/models/support-bot.yaml and plan again;"
    )
    print(f"  {command('local', 'status')}   shows its address for boto3 or the AWS CLI")
    print(f"  {command('local', 'down')}     stops it")
    return 0


def say(text: str) -> None:
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def reconciler(*arguments: str, expect: int = 0) -> None:
    print(f"$ {command(*arguments)}", flush=True)
    finished = subprocess.run([sys.executable, "-m", "reconciler", "-C", str(QUICKSTART), *arguments], check=False)
    if finished.returncode != expect:
        sys.exit(f"`{command(*arguments)}` ended with exit code {finished.returncode}, not {expect}")


def command(*arguments: str) -> str:
    return shlex.join([str(Path(sys.executable).parent / "reconciler"), "-C", str(QUICKSTART), *arguments])


if __name__ == "__main__":
    sys.exit(main())
