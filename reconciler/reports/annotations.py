"""Problems as GitHub workflow commands, which GitHub shows on the lines of the manifests in a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.reports.escaping import workflow_data, workflow_property
from reconciler.reports.figures import counted

PER_KIND = 10
"""Of errors, of warnings and of notices each, GitHub shows ten a step (docs.github.com, "Workflow commands")."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def workflow_commands(problems: Iterable[Diagnostic], *, folder: str = "") -> str:
    """One ``::error file=…,line=…`` a problem, the first ten of a kind, and a line that says how many are left out.

    ``folder``: of the project within the repository, since GitHub counts paths from there.
    """
    told = list(problems)
    lines = [line for severity in Severity for line in _of_kind(severity, told, folder)]
    return "".join(f"{line}\n" for line in lines)


def _of_kind(severity: Severity, problems: Sequence[Diagnostic], folder: str) -> Iterable[str]:
    found = [problem for problem in problems if problem.severity is severity]
    yield from (_command(problem, folder) for problem in found[:PER_KIND])
    if len(found) > PER_KIND:
        yield f"{counted(len(found) - PER_KIND, f'more {severity}')} beyond the {PER_KIND} that GitHub shows."


def _command(problem: Diagnostic, folder: str) -> str:
    place = _place(problem, folder) | {"title": f"{problem.summary} [{problem.code}]"}
    properties = ",".join(f"{name}={workflow_property(value)}" for name, value in place.items())
    hint = f"hint: {problem.hint}" if problem.hint else ""
    about = f"on {problem.address}" if problem.address and not problem.where else ""
    message = "\n".join(part for part in (about, problem.detail, hint) if part) or problem.summary
    return f"::{_COMMANDS[problem.severity]} {properties}::{workflow_data(message)}"


def _place(problem: Diagnostic, folder: str) -> dict[str, str]:
    where = problem.where
    if where is None:
        return {}
    return {"file": str(PurePosixPath(folder, where.file)), "line": str(where.line), "col": str(where.column)}
