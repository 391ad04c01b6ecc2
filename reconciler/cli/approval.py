"""Asking a person: the digest that was shown is what is approved, and only ``yes`` means yes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.invocation import Invocation

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan


def needs_approval(plan: Plan) -> bool:
    """Something would be changed, now or as what follows; waiting alone needs nobody's leave."""
    return any(change.action.mutates or change.then for change in plan.pending)


def ask(invocation: Invocation, plan: Plan, question: str, *, unattended: str) -> bool:
    """Raises ReconcilerError where there is nobody to ask; ``unattended`` says what else the command takes for an approval."""
    from reconciler.domain.errors import ReconcilerError

    if not sys.stdin.isatty():
        raise ReconcilerError(
            "standard input is not a terminal, so nobody can approve this plan",
            hint=unattended,
        )
    return confirmed(invocation, plan, question)


def confirmed(invocation: Invocation, plan: Plan, question: str) -> bool:
    screen = invocation.screen(sys.stderr)
    screen.blank()
    screen.line((question, "bold"))
    screen.line(f"  It is exactly the plan above: {plan.digest}")
    screen.line("  Only 'yes' is accepted.")
    click.echo("\n  Enter a value: ", nl=False, err=True)
    return sys.stdin.readline().strip() == "yes"


def require_yes(question: str) -> None:
    """For a small thing that has ``--yes``. Raises ReconcilerError where the answer is no, or nobody is there to give one."""
    from reconciler.domain.errors import ReconcilerError

    if not sys.stdin.isatty():
        raise ReconcilerError("standard input is not a terminal, so nobody can confirm this", hint="Use --yes.")
    if not click.confirm(question, err=True):
        raise ReconcilerError("cancelled: nothing was changed")
