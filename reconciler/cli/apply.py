"""``reconciler apply``: bring the cloud to what the manifests say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import json_option, plan_options, project_options, run_options
from reconciler.cli.running import Request, carry_out

if TYPE_CHECKING:
    from reconciler.domain.plan import PlanOptions
    from reconciler.engine.outside import RunSettings


@click.command()
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@project_options
@plan_options
@run_options
@click.option("--digest", metavar="sha256:...", help="Apply only if the plan has this digest; nobody is asked.")
@json_option
@pass_invocation
def apply(
    invocation: Invocation,
    planfile: Path | None,
    targets: tuple[str, ...],
    retrain: tuple[str, ...],
    redeploy: tuple[str, ...],
    digest: str | None,
    auto_approve: bool,
    lock_timeout: timedelta,
    parallelism: int,
    no_wait: bool,
    timeout: timedelta | None,
) -> int:
    """Plan, ask, and go round until the cloud is as the manifests say.

    With PLANFILE (of `plan --out`), carries out exactly that plan, and nothing if it no longer holds. Without, the plan is shown
    and only the answer `yes` approves it.

    \b
    Examples:
      reconciler apply
      reconciler apply --auto-approve --no-wait
      reconciler plan --out models.plan && reconciler apply models.plan

    Ctrl-C finishes the call in flight, releases the lock and says how to go on; a second one stops at once.
    """
    from reconciler.domain.plan import PlanOptions
    from reconciler.engine.outside import RunSettings

    options = PlanOptions(targets=targets, retrain=retrain, redeploy=redeploy, allow=invocation.allow)
    _check(planfile, digest, options, nobody_asked=auto_approve, as_json=invocation.json)
    settings = RunSettings(parallelism=parallelism, wait=not no_wait, timeout=timeout, lock_timeout=lock_timeout)
    if planfile is None:
        return carry_out(invocation, Request(options, settings, auto_approve=auto_approve, approved=digest))
    return carry_out(invocation, _request_of_saved(invocation, planfile, settings))


def _request_of_saved(invocation: Invocation, planfile: Path, settings: RunSettings) -> Request:
    """What was asked for when the plan was made is asked for again: targets, accepted errors, the cloud."""
    from reconciler.stores.plans import read

    saved = read(invocation.directory / planfile)
    invocation.allow = tuple(dict.fromkeys((*saved.options.allow, *invocation.allow)))
    invocation.cloud = invocation.cloud or saved.plan.cloud
    if invocation.environment is None:
        invocation.environment = saved.plan.environment
    return Request(saved.options, settings, approved=saved.plan)


def _check(
    planfile: Path | None,
    digest: str | None,
    options: PlanOptions,
    *,
    nobody_asked: bool,
    as_json: bool,
) -> None:
    if planfile and (digest or options.targets or options.retrain or options.redeploy):
        raise click.UsageError(
            "A saved plan says itself what to do: --digest, --target, --retrain and --redeploy do not go with it."
        )
    if as_json and not (planfile or digest or nobody_asked):
        raise click.UsageError("--json asks nobody: it needs --auto-approve, --digest or a saved plan.")
    if digest and not digest.startswith("sha256:"):
        raise click.BadParameter("a digest begins with sha256:", param_hint="--digest")
