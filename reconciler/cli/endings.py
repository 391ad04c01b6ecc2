"""How a command ends when it does not end well: the message on stderr, and the exit code."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, print_json, print_markup
from reconciler.cli.signals import exit_code_for, signal_behind

if TYPE_CHECKING:
    from reconciler.domain.diagnostic import Diagnostic
    from reconciler.domain.errors import InvalidInput, ReconcilerError
    from reconciler.reports.screen import Screen


def ending(trouble: BaseException, invocation: Invocation, arguments: Sequence[str]) -> ExitCode:
    """Tell what happened, once, in the form the caller asked for.

    ========================= ==================================================
    usage errors              1, with the command's usage
    ReconcilerError           1, with what to do; invalid manifests with excerpts
    LockHeld                  75
    Ctrl-C                    130; also whatever went wrong on the way out
    SIGTERM                   143; likewise
    a closed pipe             1, silently
    a file or a full disk     1, with its path: it cannot be written or read
    anything else             3: a bug of ours, with a log to paste
    ========================= ==================================================
    """
    match trouble:
        case click.exceptions.Exit():
            return ExitCode(trouble.exit_code)
        case click.ClickException():
            return _misused(trouble, invocation, arguments)
        case KeyboardInterrupt() | click.Abort():
            return _interrupted(trouble)
        case BrokenPipeError():
            return _nobody_reads()
        case SystemExit():
            raise trouble
        case OSError() if trouble.filename is None and trouble.errno == errno.ENOSPC:
            return _nobody_keeps(trouble)
        case _:
            return _told(trouble, invocation, arguments)


def _misused(trouble: click.ClickException, invocation: Invocation, arguments: Sequence[str]) -> ExitCode:
    """Where the command line itself is wrong, its flags may not have been read yet."""
    if invocation.json or "--json" in arguments:
        from reconciler.domain.diagnostic import error

        _print_problems(invocation, [error("usage", trouble.format_message())])
    trouble.show()
    return ExitCode.ERROR


def _interrupted(trouble: BaseException) -> ExitCode:
    code = exit_code_for(signal_behind(trouble))
    told = "Terminated." if code is ExitCode.TERMINATED else "Interrupted."
    click.echo(("\n" if sys.stderr.isatty() else "") + told, err=True)  # a terminal shows ^C, and the cursor behind it
    return code


def _nobody_reads() -> ExitCode:
    """``reconciler ... | head``: what is left in the buffer goes nowhere, silently."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.ERROR


def _nobody_keeps(trouble: OSError) -> ExitCode:
    """``reconciler ... > file`` on a full disk."""
    _nobody_reads()
    click.echo(f"Error: the output cannot be written: {trouble.strerror}", err=True)
    return ExitCode.ERROR


def _told(trouble: BaseException, invocation: Invocation, arguments: Sequence[str]) -> ExitCode:
    from reconciler.domain.errors import Interrupted, InvalidInput, ReconcilerError

    match trouble:
        case Interrupted():
            _show_error(trouble, invocation)
        case _ if signal_behind(trouble) is not None:
            return _interrupted(trouble)
        case InvalidInput():
            _show_problems(trouble, invocation)
        case ReconcilerError():
            _show_error(trouble, invocation)
        case OSError() if _is_theirs(trouble):
            _show_error(_about_file(trouble), invocation)
        case _:
            return _bug(trouble, arguments)
    return expected_code(trouble)


def expected_code(trouble: BaseException) -> ExitCode:
    """Of what is no bug of ours."""
    from reconciler.domain.errors import Interrupted, LockHeld

    match trouble:
        case LockHeld():
            return ExitCode.LOCK_HELD
        case Interrupted():
            return exit_code_for(signal_behind(trouble))
        case _:
            return ExitCode.ERROR


_THEIRS = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What the place is to blame for: rights, space, a path that leads nowhere. Anything else would be our mistake."""


def _is_theirs(trouble: OSError) -> bool:
    current_folder_is_gone = trouble.errno == errno.ENOENT and trouble.filename is None
    return trouble.errno in _THEIRS or current_folder_is_gone


def _about_file(trouble: OSError) -> ReconcilerError:
    from reconciler.domain.errors import ReconcilerError

    place = trouble.filename or "the current folder"
    return ReconcilerError(f"{place}: {trouble.strerror}", hint="Give another path, or mend its permissions or space.")


def _show_problems(trouble: InvalidInput, invocation: Invocation) -> None:
    from reconciler.reports.terminal.diagnostics import draw_diagnostics, tally

    if invocation.json:
        _print_problems(invocation, trouble.diagnostics)
    elif invocation.format in ("markdown", "github"):
        _print_for_forges(invocation, trouble.diagnostics)
    screen = invocation.screen(sys.stderr)
    if not invocation.json:
        draw_diagnostics(screen, trouble.diagnostics, invocation.sources)
    screen.line((tally(trouble.diagnostics), "bold"))


def _print_for_forges(invocation: Invocation, problems: Sequence[Diagnostic]) -> None:
    from reconciler.cli.repository import folder_in_repository
    from reconciler.reports.annotations import workflow_commands
    from reconciler.reports.markdown import problems_markdown
    from reconciler.stores.manifests import find_project

    if invocation.format == "markdown":
        print_markup(problems_markdown(problems))
        return
    root = find_project(invocation.directory) or invocation.directory
    click.echo(workflow_commands(problems, folder=folder_in_repository(root)), nl=False)


def problems_of(trouble: ReconcilerError) -> Sequence[Diagnostic]:
    """What is wrong, one by one."""
    from reconciler.domain.diagnostic import error
    from reconciler.domain.errors import InvalidInput

    if isinstance(trouble, InvalidInput):
        return trouble.diagnostics
    return [error(code_of(trouble), str(trouble), hint=trouble.hint)]


def _show_error(trouble: ReconcilerError, invocation: Invocation) -> None:
    if invocation.json:
        _print_problems(invocation, problems_of(trouble))
    draw_error(invocation.screen(sys.stderr), trouble)


def draw_error(screen: Screen, trouble: ReconcilerError, *, about: str = "") -> None:
    first, *rest = f"{about}{trouble}".splitlines() or [""]
    screen.entry(("Error: ", "bold red"), first)
    for line in rest:
        screen.entry("       ", line)
    if trouble.hint:
        screen.entry(("hint: ", "green"), trouble.hint, indent=2)


def _print_problems(invocation: Invocation, problems: Sequence[Diagnostic]) -> None:
    """On stdout, in the form of what was printed there before."""
    from reconciler.reports.json import diagnostics_document
    from reconciler.reports.progress import JsonProgress

    if invocation.stream:
        JsonProgress(sys.stdout).problems(problems)
    else:
        print_json(diagnostics_document(problems))


def code_of(trouble: ReconcilerError) -> str:
    """``LockHeld`` → ``lock-held``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(trouble).__name__).lower()


def _bug(trouble: BaseException, arguments: Sequence[str]) -> ExitCode:
    from reconciler.cli.bugs import write_log

    log = write_log(trouble, arguments)
    click.echo(f"This is a bug in reconciler, not in your manifests: {type(trouble).__name__}.", err=True)
    click.echo(f"Please report it with this log: {log}", err=True)
    return ExitCode.BUG
