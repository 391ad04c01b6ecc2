"""``reconciler local``: the embedded cloud of a project: start it, look at it, move its clock, order faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.approval import require_yes
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import Duration, color_option, directory_option, json_option

if TYPE_CHECKING:
    from reconciler.localcloud.control import LocalStatus

FAULTS = ("error", "error-after-effect", "lost-response", "stale-read", "fail", "capacity", "rollback", "interrupt")


@click.group()
def local() -> None:
    """Run the embedded cloud: AWS's APIs on this machine, with a clock and faults of its own.

    A project whose cloud is `local` starts it by itself.
    """


@local.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Listen on this port of 127.0.0.1; any free one by default.",
)
@click.option("--speed", type=click.FloatRange(min=0), help="How fast the cloud's clock runs; 0 stands still.")
@click.option(
    "--execute/--simulate",
    default=None,
    help="Really train and serve what this machine can, or simulate everything. By default as chosen last, at first --execute "
    "where the extra [train] is installed.",
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Compute threads of each process."
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Trainings at a time.")
@directory_option
@json_option
@color_option
@pass_invocation
def up(invocation: Invocation, /, port: int, speed: float | None, execute: bool | None, threads: int, jobs: int) -> int:
    """Start the embedded cloud, or say where it is.

    Executed is a training whose base model is `tiny-llama`, `tiny-qwen`, a folder of weights, or a model that was itself executed;
    and an endpoint that serves what was executed. Everything else is simulated: time passes, nothing is computed.
    """
    from reconciler.localcloud import control

    mode = None if execute is None else control.EXECUTE if execute else control.SIMULATE
    execution = control.Execution(mode=mode, threads=threads, jobs=jobs)
    with _told_as_errors():
        _show(invocation, control.up(state_dir(invocation), port=port, speed=speed, execution=execution))
    return ExitCode.OK


@local.command()
@directory_option
@color_option
@pass_invocation
def down(invocation: Invocation) -> int:
    """Stop the embedded cloud; its state stays for the next time."""
    from reconciler.localcloud import control

    with _told_as_errors():
        stopped = control.down(state_dir(invocation))
    invocation.screen().line("Stopped; its state is kept." if stopped else "No embedded cloud runs here.")
    return ExitCode.OK


@local.command()
@directory_option
@json_option
@color_option
@pass_invocation
def status(invocation: Invocation) -> int:
    """Say where the embedded cloud listens, its time, and what it holds. Exit code 1 where none runs."""
    from reconciler.localcloud import control

    with _told_as_errors():
        found = control.status(state_dir(invocation))
    if found is not None:
        _show(invocation, found)
        return ExitCode.OK
    if invocation.json:
        print_json({"running": False})
    else:
        invocation.screen().line("No embedded cloud runs here. Start it with: reconciler local up")
    return ExitCode.ERROR


@local.command()
@click.argument("duration", type=Duration())
@directory_option
@json_option
@color_option
@pass_invocation
def advance(invocation: Invocation, duration: timedelta) -> int:
    """Set the cloud's clock ahead by DURATION (90s, 30m, 8h, 7d); what falls into that time happens."""
    from reconciler.localcloud import control

    with _told_as_errors():
        _show(invocation, control.advance(state_dir(invocation), duration.total_seconds()))
    return ExitCode.OK


@local.command()
@click.argument("kind", type=click.Choice(FAULTS), required=False)
@click.option("--operation", metavar="REGEX", help="Calls to spoil: `sagemaker:Create.*`; all by default.")
@click.option("--name", metavar="REGEX", help="Names of the resources that the call is about; all by default.")
@click.option("--code", metavar="CODE", help="The error's code, such as ThrottlingException.")
@click.option("--message", help="The error's text, or the reason of the failure.")
@click.option("--times", type=click.IntRange(min=1), help="How many calls it spoils; every one by default.")
@click.option("--probability", type=click.FloatRange(0, 1), help="The chance that a call is spoiled.")
@click.option(
    "--at", type=click.FloatRange(0, 1), help="How far through its planned time a job or endpoint fails: 0 to 1."
)
@click.option("--clear", is_flag=True, help="Call off all faults.")
@directory_option
@json_option
@color_option
@pass_invocation
def fail(invocation: Invocation, /, kind: str | None, clear: bool, **order: object) -> int:
    """Order a fault of KIND, or list the ordered ones.

    \b
    error               the call is refused with --code
    error-after-effect  the call is carried out, and answered with --code
    lost-response       the call is carried out, and never answered
    stale-read          what the call names is not found, though it exists
    fail                the job or endpoint that the call starts fails with --message
    capacity            ... fails for want of instances
    rollback            the endpoint update that the call starts rolls back
    interrupt           the spot training that the call starts is interrupted once
    \b
    Example: reconciler local fail capacity --name 'support-bot-.*' --times 1
    """
    from reconciler.localcloud import control

    folder = state_dir(invocation)
    with _told_as_errors():
        if clear:
            control.clear_faults(folder)
        if kind:
            control.add_fault(folder, kind, **{key: value for key, value in order.items() if value is not None})
        _show_faults(invocation, control.status(folder))
    return ExitCode.OK


@local.command()
@directory_option
@json_option
@color_option
@pass_invocation
def mail(invocation: Invocation) -> int:
    """Show the mails that the cloud's topics have sent: nothing leaves this machine."""
    from reconciler.localcloud import control

    with _told_as_errors():
        mails = control.mails(state_dir(invocation))
    if invocation.json:
        print_json({"mails": mails})
        return ExitCode.OK
    screen = invocation.screen()
    for each in mails:
        screen.entry(("To: ", "dim"), f"{each['to']}    {each['subject']}")
        screen.paragraph(each["text"], indent=4)
    if not mails:
        screen.line("No mail was sent.")
    return ExitCode.OK


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@directory_option
@color_option
@pass_invocation
def reset(invocation: Invocation, yes: bool) -> int:
    """Stop the embedded cloud and forget everything in it."""
    from reconciler.localcloud import control, snapshot
    from reconciler.localcloud.state import StateDir

    folder = state_dir(invocation)
    if not yes:
        require_yes(f"Forget everything in the embedded cloud of {folder}?")
    with _told_as_errors():
        control.down(folder)
    snapshot.forget(StateDir(folder).snapshot)
    invocation.screen().line("The embedded cloud is empty.")
    return ExitCode.OK


def state_dir(invocation: Invocation) -> Path:
    """Where the embedded cloud of the project keeps its state."""
    from reconciler.localcloud.state import DEFAULT_STATE_DIR
    from reconciler.stores.manifests import find_project

    return (find_project(invocation.directory) or invocation.directory) / DEFAULT_STATE_DIR


@contextmanager
def _told_as_errors() -> Iterator[None]:
    from reconciler.domain.errors import CloudUnavailable
    from reconciler.localcloud.control import LocalCloudError

    try:
        yield
    except LocalCloudError as trouble:
        raise CloudUnavailable(str(trouble)) from trouble


def _show(invocation: Invocation, status: LocalStatus) -> None:
    if invocation.json:
        print_json({"running": True, **status.as_dict()})
        return
    screen = invocation.screen()
    held = ", ".join(f"{count} {kind}" for kind, count in status.resources.items()) or "nothing"
    facts = (
        ("endpoint", status.endpoint_url),
        ("account", f"{status.account_id}, {status.region} (simulated: nothing here is billed)"),
        ("mode", _mode(status)),
        ("time", f"{status.now}, running at {status.speed:g}x"),
        ("next", status.next_event_at or "nothing is on its way"),
        ("holds", held),
        *(("runs", text) for text in _runs(status)),
        ("process", str(status.pid)),
        ("state", str(status.state_dir)),
    )
    for label, text in facts:
        screen.entry((label.ljust(10), "dim"), text)


def _mode(status: LocalStatus) -> str:
    told = status.details["execution"]
    if status.mode == "simulate":
        return "simulate: trainings and endpoints follow a timeline, nothing is computed"
    return (
        "execute: what has its weights on this machine is trained and served for real, the rest is simulated; "
        f"trainings at a time: {told['jobs']}, threads of each process: {told['threads']}"
    )


def _runs(status: LocalStatus) -> Iterator[str]:
    """What runs for real, one line each."""
    told = status.details["execution"]
    for training in told.get("trainings", ()):
        yield f"training job {training['job']}, " + (
            f"process {training['pid']}" if training["pid"] else "not started yet"
        )
    for server in told.get("endpoints", ()):
        standing = "ready" if server["ready"] else "loading"
        yield f"endpoint {server['endpoint']}, process {server['pid']} on port {server['port']}, {standing}"


def _show_faults(invocation: Invocation, status: LocalStatus | None) -> None:
    faults = list(status.details["faults"]) if status else []
    if invocation.json:
        print_json({"faults": faults})
        return
    screen = invocation.screen()
    if status is None:
        screen.line("No embedded cloud runs here. Start it with: reconciler local up")
    elif not faults:
        screen.line("No faults are ordered.")
    else:
        rows = [[str(f[key]) if f[key] is not None else "always" for key in _FAULT_KEYS] for f in faults]
        screen.table([key.upper() for key in _FAULT_KEYS], rows)


_FAULT_KEYS = ("kind", "operation", "name", "code", "times", "probability", "message")
