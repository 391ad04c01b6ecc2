"""Terraform's spelling of long flags: ``-auto-approve`` for ``--auto-approve``, ``-out=FILE`` for ``--out FILE``."""

from __future__ import annotations

from collections.abc import Sequence

LONG_FLAGS = frozenset(
    {
        "allow",
        "attempt",
        "auto-approve",
        "chdir",
        "check",
        "cloud",
        "deployment",
        "destroy",
        "detailed-exitcode",
        "diff",
        "digest",
        "dry-run",
        "env",
        "estimator",
        "execute",
        "extract",
        "follow",
        "format",
        "from",
        "help",
        "jobs",
        "json",
        "lines",
        "lock-timeout",
        "max-size",
        "max-tokens",
        "no-color",
        "no-wait",
        "out",
        "parallelism",
        "prompt",
        "redeploy",
        "retrain",
        "rows",
        "simulate",
        "system",
        "target",
        "temperature",
        "threads",
        "timeout",
        "timestamps",
        "to",
        "version",
        "wide",
    }
)


def normalised(arguments: Sequence[str]) -> list[str]:
    """The arguments with a second hyphen before every long flag that has one. What follows ``--`` is left alone."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*(_long(argument) for argument in arguments[:end]), *arguments[end:]]


def _long(argument: str) -> str:
    name = argument.partition("=")[0]
    single = argument.startswith("-") and not argument.startswith("--")
    return f"-{argument}" if single and name[1:] in LONG_FLAGS else argument
