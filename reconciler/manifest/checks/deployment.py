"""How a model is deployed, and when it is undeployed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from reconciler.domain.catalog import BedrockOffer, ProviderName
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.hours import parse_hours
from reconciler.domain.kinds.fine_tuned_model import AutoUndeploy, DeploymentChoice
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.explain import found
from reconciler.manifest.view import ModelView

_RULE = ("deployment", "autoUndeploy")


def check_deployment(view: ModelView) -> Iterator[Diagnostic]:
    deployment = view.spec.deployment
    if deployment is None:
        return
    if view.provider is ProviderName.BEDROCK and view.base is not None and view.base.bedrock is not None:
        yield from _bedrock(view, deployment, view.base.bedrock)
    if deployment.auto_undeploy is not None and view.intact(*_RULE):
        yield from _undeploy(view, deployment.auto_undeploy)
    if deployment.idle is not None and deployment.idle <= timedelta(0):
        yield _not_positive(view, "deployment", "idle")


def _bedrock(view: ModelView, deployment: DeploymentChoice, offer: BedrockOffer) -> Iterator[Diagnostic]:
    """
    =========  ==========  ======================================================
    onDemand   throughput
    =========  ==========  ======================================================
    true       given       conflicting-deployment
    true       left out    on-demand-unsupported, unless the base model allows it
    else       any         throughput-unsupported, unless the base model allows it
    =========  ==========  ======================================================
    """
    match bool(deployment.on_demand), deployment.throughput is not None:
        case True, True:
            yield view.error(
                "conflicting-deployment",
                "A model is deployed on demand or with provisioned throughput, not both",
                *("deployment", "onDemand"),
                detail="`onDemand: true` and `throughput` are both given.",
                hint="remove one of them",
            )
        case True, False if not offer.supports_on_demand:
            yield view.error(
                "on-demand-unsupported",
                "The base model cannot be deployed on demand",
                *("deployment", "onDemand"),
                detail=f"Bedrock serves models tuned from `{view.base_name}` with provisioned throughput alone.",
                hint="remove `onDemand`; write `throughput: {modelUnits: 1, commitment: none}`",
            )
        case False, given if not offer.supports_throughput and (given or deployment.state == "deployed"):
            yield view.error(
                "throughput-unsupported",
                "The base model cannot be deployed with provisioned throughput",
                *("deployment", "throughput"),
                detail=f"Bedrock sells no provisioned throughput for `{view.base_name}`.",
                hint="write `onDemand: true`" if offer.supports_on_demand else "",
            )
    yield from _deploy_region(view, deployment, offer)


def _deploy_region(view: ModelView, deployment: DeploymentChoice, offer: BedrockOffer) -> Iterator[Diagnostic]:
    elsewhere = offer.deploy_regions and view.around.region not in offer.deploy_regions
    if view.around.is_aws and elsewhere and deployment.state == "deployed":
        yield view.error(
            "region-unavailable",
            "The base model cannot be deployed in the project's region",
            *("deployment", "state"),
            detail=f"Bedrock deploys `{view.base_name}` in {', '.join(offer.deploy_regions)}; the project is in {view.around.region}.",
            hint="change spec.region of the Project; --allow region-unavailable if AWS has added it",
            overridable=True,
        )


def _undeploy(view: ModelView, rule: AutoUndeploy) -> Iterator[Diagnostic]:
    given = [name for name in ("after", "at", "hours") if getattr(rule, name) is not None]
    if len(given) != 1:
        yield view.error(
            "invalid-auto-undeploy",
            "autoUndeploy takes exactly one of after, at and hours",
            *_RULE,
            detail=f"{' and '.join(given)} are given." if given else "None of them is given.",
            hint="write {after: 8h}, {at: 2026-12-24T18:00:00+01:00} or {hours: Mon-Fri 08:00-20:00}",
        )
    if rule.after is not None and rule.after <= timedelta(0):
        yield _not_positive(view, *_RULE, "after")
    if rule.hours is not None:
        yield from _hours(view, rule.hours)
    if rule.timezone is not None:
        yield from _timezone(view, rule, rule.timezone)


def _hours(view: ModelView, hours: str) -> Iterator[Diagnostic]:
    try:
        parse_hours(hours)
    except ValueError as wrong:
        yield view.error(
            "invalid-hours",
            "The hours are not understood",
            *(*_RULE, "hours"),
            detail=f"`spec.deployment.autoUndeploy.hours`: {wrong}.",
            hint="several windows: `Mon-Fri 08:00-20:00; Sat 10:00-12:00,13:00-17:00`",
        )


def _timezone(view: ModelView, rule: AutoUndeploy, name: str) -> Iterator[Diagnostic]:
    if rule.hours is None:
        yield view.error(
            "invalid-auto-undeploy",
            "A timezone only counts with hours",
            *(*_RULE, "timezone"),
            detail="`after` needs none, and `at` carries its own offset.",
            hint="remove `timezone`",
        )
    if not _is_timezone(name):
        yield view.error(
            "unknown-timezone",
            "The timezone is not known",
            *(*_RULE, "timezone"),
            detail=f"`spec.deployment.autoUndeploy.timezone` is {found(name)}; names come from the IANA time zone database.",
            hint=did_you_mean(name, sorted(_timezones())) or "write a name such as Europe/Berlin, or UTC",
        )


def _is_timezone(name: str) -> bool:
    """Looked up by its exact spelling, which file systems that ignore case would not do."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return name in _timezones()


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _not_positive(view: ModelView, *path: str) -> Diagnostic:
    return view.error(
        "out-of-range",
        "A number is out of range",
        *path,
        detail=f"`spec.{'.'.join(path)}` must be more than 0s.",
    )
