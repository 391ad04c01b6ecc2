"""``reconciler show``: everything about one model."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import model_names
from reconciler.cli.dossier import dossier_of
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import Proposed, proposed

if TYPE_CHECKING:
    from reconciler.reports.view.model import Dossier


@click.command()
@click.argument("name", shell_complete=model_names)
@project_options
@json_option
@pass_invocation
def show(invocation: Invocation, name: str) -> int:
    """Show everything about the model NAME: data, base model and lineage, every hyperparameter with defaults marked, creator, cost of
    storage, versions, attempts, losses, deployment, schedules, conditions,
    what this machine did about it last.
    """
    from reconciler.domain.plan import PlanOptions

    made = proposed(invocation, PlanOptions(allow=invocation.allow))
    name = name.removeprefix("FineTunedModel/")
    known = replace(dossier_of(made, name), run=made.outside.journal.last_run(f"FineTunedModel/{name}"))
    dossier = _with_losses(invocation, made, known)
    if invocation.json:
        from reconciler.reports.json import model_document

        print_json(model_document(dossier))
        return ExitCode.OK
    from reconciler.reports.terminal.model import draw_model
    from reconciler.reports.view.model import view_model

    draw_model(invocation.screen(), view_model(dossier))
    return ExitCode.OK


def _with_losses(invocation: Invocation, made: Proposed, dossier: Dossier) -> Dossier:
    """All else can be shown without them, whatever hinders reading them."""
    from reconciler.domain.errors import CloudUnavailable
    from reconciler.engine.losses import loss_curves

    try:
        curves = loss_curves(dossier.observed, made.outside)
    except CloudUnavailable as trouble:
        invocation.screen(sys.stderr).entry("Losses are not shown: ", str(trouble))
        return dossier
    return replace(dossier, curves=curves)
