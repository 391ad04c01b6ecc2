"""``reconciler destroy``: undeploy and delete everything the project owns."""

from __future__ import annotations

from datetime import timedelta

import click

from reconciler.cli.completing import model_names
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import json_option, project_options, run_options
from reconciler.cli.running import Request, carry_out


@click.command()
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    shell_complete=model_names,
    help="Only this model; repeat for more.",
)
@project_options
@run_options
@json_option
@pass_invocation
def destroy(
    invocation: Invocation,
    targets: tuple[str, ...],
    auto_approve: bool,
    lock_timeout: timedelta,
    parallelism: int,
    no_wait: bool,
    timeout: timedelta | None,
) -> int:
    """Undeploy and delete every model that the project owns in the cloud; the manifests stay.

    Guarded as a plan that deletes is: protected models, live traffic and mass deletion are errors that --allow overrides by name.
    `reconciler plan --destroy` shows the same without doing it.
    """
    from reconciler.domain.plan import PlanOptions
    from reconciler.engine.outside import RunSettings

    if invocation.json and not auto_approve:
        raise click.UsageError("--json asks nobody: it needs --auto-approve.")
    options = PlanOptions(targets=targets, allow=invocation.allow, destroy=True)
    settings = RunSettings(
        parallelism=parallelism, wait=not no_wait, timeout=timeout, lock_timeout=lock_timeout, operation="destroy"
    )
    question = "Do you really want to destroy all of this? It cannot be undone."
    unattended = "Use --auto-approve, or a saved plan (plan --destroy --out FILE, apply FILE)."
    request = Request(options, settings, auto_approve=auto_approve, question=question, unattended=unattended)
    return carry_out(invocation, request)
