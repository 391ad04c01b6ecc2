"""Calling the program in this process, as a shell would."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reconciler.cli.main import run


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Ended(code, captured.out, captured.err)
