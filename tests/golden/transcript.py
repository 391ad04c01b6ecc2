"""A terminal session, kept whole: what was typed, stdout, stderr, the exit code. What differs between runs is masked."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path

from reconciler.cli.main import run

_MASKS: tuple[tuple[str, str], ...] = (
    (r"sha256:[0-9a-f]{64}", "sha256:<digest>"),
    (r"\b(?=[a-f]*\d)[0-9a-f]{8}\b", "<fp>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "<time>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
    (r"(?m)^\d\d:\d\d:\d\d ", "<clock> "),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"(?m)^process   \d+$", "process   <pid>"),
    (r"(?m)(?<=   )\d+[smhd](?=$|   )", "<age>"),
    (r"(?m)^<clock> Waiting for .*\n", ""),
)
"""Digests, fingerprints, times, ports. How often an apply says that it waits depends on the machine."""


class Transcript:
    """Runs commands in this process, in the folder of a project, and writes down what a person would see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = ""

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Stdout, unmasked."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(["-C", str(self.folder), *arguments])
        assert code == expect, f"{arguments} ended with {code}\n{out.getvalue()}\n{err.getvalue()}"
        streams = self._masked(out.getvalue()) + "".join(
            f"! {line}\n" for line in self._masked(err.getvalue()).splitlines()
        )
        self.text += f"$ reconciler {' '.join(arguments)}\n{streams}" + (f"= {code}\n" if code else "") + "\n"
        return out.getvalue()

    def edit(self, file: str, before: str, after: str) -> None:
        """Change a manifest, and say so."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{file} has no {before!r}"
        path.write_text(text.replace(before, after), encoding="utf-8")
        self.text += f"# {file}: {before} -> {after}\n\n"

    def note(self, what: str, action: Callable[[], object]) -> None:
        """Something else than a command of ours happens."""
        action()
        self.text += f"# {what}\n\n"

    def _masked(self, text: str) -> str:
        text = text.replace(str(self.folder), "<folder>")
        for pattern, mask in _MASKS:
            text = re.sub(pattern, mask, text)
        return text
