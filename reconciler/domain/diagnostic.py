"""A problem told to the user: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from reconciler.domain.base import Value


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Location(Value):
    """A place in a manifest. Lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1
    path: str = ""
    """The field within the document, as in ``spec.resources.instanceType``."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Diagnostic(Value):
    """One problem. ``code`` is stable (``unknown-field``) and is what ``--allow CODE`` names where a person may override it."""

    code: str
    severity: Severity
    summary: str
    """Short, and the same for every occurrence of the code as far as possible."""
    detail: str = ""
    """What is wrong here, and why it matters."""
    hint: str = ""
    """What to do; ``did you mean ...?``"""
    where: Location | None = None
    related: tuple[Location, ...] = ()
    address: str | None = None
    overridable: bool = False
    """An error that ``--allow CODE`` turns into a warning."""

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def error(code: str, summary: str, **more: object) -> Diagnostic:
    return Diagnostic.model_validate({"code": code, "severity": Severity.ERROR, "summary": summary, **more})


def warning(code: str, summary: str, **more: object) -> Diagnostic:
    return Diagnostic.model_validate({"code": code, "severity": Severity.WARNING, "summary": summary, **more})


OVERRIDABLE = (
    "does-not-fit",
    "gated-base-model",
    "has-children",
    "live-traffic",
    "mass-deletion",
    "over-budget",
    "prevent-destroy",
    "region-unavailable",
    "retired-base-model",
    "volume-too-small",
)
"""Codes of the errors that a person may override."""


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.is_error for diagnostic in diagnostics)


def allow(diagnostics: Iterable[Diagnostic], codes: Iterable[str]) -> tuple[Diagnostic, ...]:
    """The diagnostics with every overridable error that ``codes`` names turned into a warning that says so."""
    allowed = frozenset(codes)
    return tuple(_allowed(d) if d.overridable and d.is_error and d.code in allowed else d for d in diagnostics)


def _allowed(diagnostic: Diagnostic) -> Diagnostic:
    summary = f"{diagnostic.summary} (allowed by --allow {diagnostic.code})"
    return diagnostic.model_copy(update={"severity": Severity.WARNING, "summary": summary})
