"""``reconciler bootstrap``: what a project needs in its account before the first plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.approval import require_yes
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.cli.wiring import Project
    from reconciler.domain.desired import Configuration
    from reconciler.domain.diagnostic import Diagnostic
    from reconciler.providers.aws.foundation.blueprint import Blueprint, GitHub
    from reconciler.providers.aws.foundation.create import Step

FORMS = ("cloudformation", "terraform")
GIVEN_TO_PROJECT = ("training", "bedrock", "scheduler")
"""Roles that the manifests name; the others are the pipeline's."""


def _like(pattern: str, meaning: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that refuses what has not this shape, in one value or in each of several."""

    def check(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        for each in value if isinstance(value, tuple) else (value,):
            if each is not None and not re.fullmatch(pattern, each, re.ASCII):
                raise click.BadParameter(f"{each!r} is not {meaning}")
        return value

    return check


@click.command()
@click.option("--format", "form", type=click.Choice(FORMS), help="Print this, and create nothing.")
@click.option(
    "--github",
    metavar="OWNER/REPO",
    callback=_like(r"[\w.-]+/[\w.-]+", "a repository such as acme/llms"),
    help="The repository whose workflows take the plan and apply roles.",
)
@click.option(
    "--github-branch",
    default="main",
    show_default=True,
    callback=_like(r"[\w./-]+", "the name of a branch"),
    help="What is merged to it is applied; drift runs on it.",
)
@click.option(
    "--github-environment",
    callback=_like(r"[\w.-]+", "the name of an environment"),
    help="GitHub's environment that apply runs in, instead of the branch: its reviewers approve.",
)
@click.option("--existing-oidc-provider", is_flag=True, help="The account has GitHub's OIDC provider: make none.")
@click.option(
    "--principal",
    metavar="ARN",
    callback=_like(r"arn:[\w:/+=,.@-]+", "an ARN"),
    help="Who may take the plan and apply roles, without --github; the account's own where left out.",
)
@click.option(
    "--email",
    "emails",
    multiple=True,
    callback=_like(r"[^@\s\"$%{}<>]+@[^@\s\"$%{}<>]+", "an e-mail address"),
    help="Mail this address when a training ends or fails; repeat for more. The Project's are mailed too.",
)
@click.option(
    "--read-bucket",
    "buckets",
    multiple=True,
    metavar="NAME",
    callback=_like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket"),
    help="Let the roles read this bucket: that of the environment which models are promoted from, say.",
)
@click.option("--allow-import", is_flag=True, help="Let the apply role tag what the project does not own yet.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_options
@json_option
@pass_invocation
def bootstrap(invocation: Invocation, /, form: str | None, yes: bool, **asked: Any) -> int:
    """Create, or print, what the project needs in its account: bucket, roles, topic, rules.

    The bucket is versioned, encrypted and closed to the public. The roles have least privilege: plan only reads, apply changes
    what carries the project's tag. What exists is brought up to date; what is not the project's is never touched.

    \b
    Examples:
      reconciler bootstrap --github acme/llms --github-environment production
      reconciler bootstrap --format terraform > foundation.tf
      reconciler bootstrap --format cloudformation > foundation.yaml
    """
    project = _without_roles(invocation, opened(invocation))
    configuration = checked(project)
    if form is not None:
        return _print(configuration, form, asked)
    return _create(invocation, project, yes, asked)


def _without_roles(invocation: Invocation, project: Project) -> Project:
    """On AWS a project needs roles, which are made here: where nothing else is wrong, their absence is none."""
    errors = [problem for problem in project.loaded.diagnostics if problem.is_error]
    if not errors or not all(_is_role(problem) for problem in errors):
        return project
    elsewhere = opened(replace(invocation, cloud="local")).loaded
    if elsewhere.configuration is None:
        return project
    settings = elsewhere.configuration.project.model_copy(update={"cloud": "aws"})
    configuration = elsewhere.configuration.model_copy(update={"project": settings})
    return replace(project, loaded=replace(project.loaded, configuration=configuration))


def _is_role(problem: Diagnostic) -> bool:
    where = problem.where.path if problem.where else ""
    return problem.code == "missing-field" and where.startswith("spec.roles.")


def _print(configuration: Configuration, form: str, asked: dict[str, Any]) -> int:
    from reconciler.providers.aws.foundation.layout import layout
    from reconciler.reports.foundation import ACCOUNTS, render_foundation

    click.echo(render_foundation(form, layout(_blueprint(configuration, ACCOUNTS[form], **asked))), nl=False)
    return ExitCode.OK


def _create(invocation: Invocation, project: Project, yes: bool, asked: dict[str, Any]) -> int:
    from reconciler.providers.aws.foundation.create import create
    from reconciler.providers.aws.foundation.layout import layout

    with watching(invocation) as watch:
        cloud = project.reached(watch, StopRequest())
    blueprint = _blueprint(checked(project), cloud.account, **asked)
    if not yes:
        where = "the embedded cloud" if cloud.embedded else f"account {cloud.account}"
        require_yes(f"Create bucket, roles, topic and rules of project {blueprint.project} in {where}?")
    _tell(invocation, blueprint, create(cloud.session, layout(blueprint)))
    return ExitCode.OK


def _blueprint(
    configuration: Configuration,
    account: str,
    *,
    github: str | None,
    github_branch: str,
    github_environment: str | None,
    existing_oidc_provider: bool,
    principal: str | None,
    emails: tuple[str, ...],
    buckets: tuple[str, ...],
    allow_import: bool,
) -> Blueprint:
    from reconciler.providers.aws.foundation.blueprint import Blueprint

    project = configuration.project
    if github and principal:
        raise click.UsageError("--github and --principal exclude each other: either says who takes the roles.")
    if github_environment and not github:
        raise click.UsageError("--github-environment is one of --github's repository.")
    return Blueprint(
        project=project.name,
        region=project.region,
        account=account,
        bucket=project.bucket,
        emails=tuple(dict.fromkeys([*project.notifications.emails, *emails])),
        data=tuple(sorted({*_data_buckets(configuration), *buckets})),
        token_secret=project.hugging_face_token_secret,
        github=_github(github, github_branch, github_environment),
        oidc_provider=not existing_oidc_provider,
        principal=principal,
        adopts=allow_import,
    )


def _github(repository: str | None, branch: str, environment: str | None) -> GitHub | None:
    from reconciler.providers.aws.foundation.blueprint import GitHub

    return GitHub(repository=repository, branch=branch, environment=environment) if repository else None


def _data_buckets(configuration: Configuration) -> set[str]:
    """Of every dataset and of all base weights that lie in S3, beside the project's own."""
    used = [model.training_data for model in configuration.models]
    used += [model.validation.source for model in configuration.models if model.validation.source]
    uris = [source.uri for source in [*configuration.datasets.values(), *used] if source.is_s3]
    uris += [model.weights_uri for model in configuration.models if model.weights_uri]
    return {uri.removeprefix("s3://").partition("/")[0] for uri in uris} - {configuration.project.bucket}


def _tell(invocation: Invocation, blueprint: Blueprint, steps: tuple[Step, ...]) -> None:
    roles = {purpose: blueprint.role_arn(purpose) for purpose in (*GIVEN_TO_PROJECT, "plan", "apply", "ask")}
    if invocation.json:
        print_json({"steps": [{"what": step.what, "made": step.made} for step in steps], "roles": roles})
        return
    screen = invocation.screen()
    for step in steps:
        screen.line(
            *((("+ ", "green"), step.what) if step.made else (("= ", "dim"), step.what, ("  up to date", "dim")))
        )
    screen.blank()
    screen.line("In the Project's spec:")
    screen.line("  roles:")
    for purpose in GIVEN_TO_PROJECT:
        screen.line(f"    {purpose}: {roles[purpose]}")
    screen.line("For the pipeline:")
    for purpose in ("plan", "apply"):
        screen.line(f"  {purpose}: {roles[purpose]}")
    screen.line("For people who ask models:")
    screen.line(f"  ask: {roles['ask']}")
    if blueprint.emails:
        screen.line("AWS asks each address to confirm before it mails.")
