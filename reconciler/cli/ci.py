"""``reconciler ci``: plan, apply and drift as a pipeline's steps. What they find goes where a team looks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import Duration, lock_timeout_option, parallelism_option, project_options
from reconciler.cli.publishing import Page, Publisher, plan_outputs, publisher

if TYPE_CHECKING:
    from reconciler.cli.drift import Found
    from reconciler.domain.plan import Plan, PlanOptions


@click.group()
def ci() -> None:
    """Plan pull requests, apply what was approved by merging them, watch for drift: on GitHub Actions and GitLab CI.

    Each command writes the job's summary, annotations on the manifests' lines and outputs for later steps, and keeps one comment on
    the pull request, or one issue, up to date. Elsewhere it prints what `plan`, `apply` and `drift` print.
    """


def comment_option(command: Callable[..., int]) -> Callable[..., int]:
    return click.option(
        "--comment/--no-comment",
        default=True,
        envvar="RECONCILER_COMMENT",
        show_envvar=True,
        help="Keep a comment on the pull request; on unless told otherwise.",
    )(command)


@ci.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="reconciler.plan",
    show_default=True,
    metavar="FILE",
    help="Save the plan here.",
)
@comment_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
@project_options
@pass_invocation
def plan(invocation: Invocation, out: Path, comment: bool, detailed_exitcode: bool) -> int:
    """Plan a pull request: comment, summary, annotations, outputs, and the plan as a file.

    Outputs: has-changes, digest, cost-once, cost-monthly, cost-monthly-before, plan-file, exit-code (0 nothing to do, 2 changes,
    1 error).
    """
    from reconciler.cli.plan import show_plan
    from reconciler.cli.project import proposed
    from reconciler.domain.plan import PlanOptions

    results = publisher(invocation, "plan")
    options = PlanOptions(allow=invocation.allow)
    with results.telling("No plan", pull_request=results.pipeline.pull_request if comment else None):
        made = proposed(invocation, options).plan
    show_plan(invocation, made)
    code = _code_of(made)
    results.outputs({**plan_outputs(made), "plan-file": _saved(invocation, made, options, out), "exit-code": int(code)})
    results.summary(_plan_page(made))
    results.annotate(made.diagnostics)
    if comment and results.pipeline.pull_request:
        approvable = made if made.can_apply else None
        results.comment(results.pipeline.pull_request, _plan_page(made), approvable=approvable)
    return code if detailed_exitcode or code is ExitCode.ERROR else ExitCode.OK


@ci.command()
@click.option(
    "--digest",
    envvar="RECONCILER_DIGEST",
    show_envvar=True,
    metavar="sha256:...",
    help="What somebody approved, in place of what the merge approved.",
)
@comment_option
@click.option("--timeout", type=Duration(), envvar="RECONCILER_TIMEOUT", metavar="DURATION", help="Stop waiting after.")
@click.option("--no-wait", is_flag=True, help="Start what can be started, and do not wait for it.")
@parallelism_option
@lock_timeout_option
@project_options
@pass_invocation
def apply(
    invocation: Invocation,
    digest: str | None,
    comment: bool,
    timeout: timedelta | None,
    no_wait: bool,
    parallelism: int,
    lock_timeout: timedelta,
) -> int:
    """Apply exactly the plan that stood under the pull request when it was merged, and nothing if it no longer holds.

    Where there is something to do that nobody approved, the job fails, and its summary shows the plan and its digest. Whoever
    wants that runs the job again with --digest.

    Outputs: those of `ci plan` without plan-file; exit-code is that of `apply`.
    """
    from reconciler.cli.merged import apply_merged
    from reconciler.cli.running import Request
    from reconciler.domain.plan import PlanOptions
    from reconciler.engine.outside import RunSettings

    if digest and not digest.startswith("sha256:"):
        raise click.BadParameter("a digest begins with sha256:", param_hint="--digest")
    results = publisher(invocation, "apply")
    settings = RunSettings(parallelism=parallelism, wait=not no_wait, timeout=timeout, lock_timeout=lock_timeout)
    request = Request(PlanOptions(allow=invocation.allow), settings, approved=digest)
    return apply_merged(invocation, results, request, comment=comment)


@ci.command()
@click.option(
    "--issue/--no-issue",
    default=True,
    envvar="RECONCILER_ISSUE",
    show_envvar=True,
    help="Keep an issue while there is drift; on unless told otherwise.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where something drifted.")
@project_options
@pass_invocation
def drift(invocation: Invocation, issue: bool, detailed_exitcode: bool) -> int:
    """Look for drift, and keep one issue about it: opened, updated, and closed once the drift is gone.

    Outputs: has-changes, digest (of the plan that brings it back), issue (its number, or empty), exit-code (0 no drift, 2 drift,
    1 error).
    """
    from reconciler.cli.drift import find_drift, show_drift

    results = publisher(invocation, "drift")
    with results.telling("Drift was not looked for"):
        found = find_drift(invocation)
    show_drift(invocation, found)
    code = ExitCode.CHANGES if found.view.items else ExitCode.OK
    results.outputs({"has-changes": bool(found.view.items), "digest": found.digest, "exit-code": int(code)})
    results.summary(_drift_page(found))
    if issue and results.pipeline.system:
        results.outputs({"issue": _kept_issue(results, found) or ""})
    return code if detailed_exitcode else ExitCode.OK


def _code_of(made: Plan) -> ExitCode:
    if not made.can_apply:
        return ExitCode.ERROR
    return ExitCode.CHANGES if made.pending else ExitCode.OK


def _saved(invocation: Invocation, made: Plan, options: PlanOptions, out: Path) -> str:
    """The file; empty where a plan cannot be applied."""
    from reconciler.stores.plans import save

    if not made.can_apply:
        return ""
    path = (invocation.directory / out).resolve()
    save(made, path, options)
    return str(path)


def _plan_page(made: Plan) -> Page:
    from reconciler.reports.markdown import plan_markdown

    return lambda limit, frame: plan_markdown(made, limit=limit, frame=frame)


def _drift_page(found: Found) -> Page:
    from reconciler.reports.markdown import drift_markdown

    return lambda limit, frame: drift_markdown(found.view, digest=found.digest, limit=limit, frame=frame)


def _kept_issue(results: Publisher, found: Found) -> int | None:
    if found.view.items:
        return results.keep_issue(f"Drift in {found.view.project}", _drift_page(found))
    return results.close_issue("The cloud is as it was last applied.")
