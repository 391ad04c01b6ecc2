"""What belongs to one provider only, and the instances a training or an endpoint asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.domain.catalog import ProviderName
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.document import Path, spelled
from reconciler.manifest.explain import found
from reconciler.manifest.merge import ONLY_BEDROCK, ONLY_SAGEMAKER
from reconciler.manifest.view import ModelView

LONGEST_RUNTIME = timedelta(days=28)
"""CreateTrainingJob's StoppingCondition: MaxRuntimeInSeconds is at most 2,419,200 (botocore 1.44.5)."""


_LISTED = "`reconciler catalog instances` lists them"
_ONLY_TRAINING = "`auto` is for `resources.instanceType` alone: write an instance type"


def check_resources(view: ModelView) -> Iterator[Diagnostic]:
    yield from _provider_fields(view)
    if view.provider is not ProviderName.BEDROCK:
        yield from _instances(view)
        yield from _runtime(view)


def _provider_fields(view: ModelView) -> Iterator[Diagnostic]:
    foreign = {ProviderName.SAGEMAKER: ONLY_BEDROCK, ProviderName.BEDROCK: ONLY_SAGEMAKER}
    for path in foreign[view.provider] if view.provider else ():
        if view.given(*map(str, path)):
            other = "Bedrock" if view.provider is ProviderName.SAGEMAKER else "SageMaker"
            yield view.error(
                "field-of-other-provider",
                "A field belongs to the other provider",
                *path,
                detail=f"`{spelled(('spec', *path))}` is for {other} only; this model is trained on {view.provider}.",
                hint="remove it",
            )


def _instances(view: ModelView) -> Iterator[Diagnostic]:
    resources, deployment = view.spec.resources, view.spec.deployment
    if resources is not None and resources.instance_type not in (None, "auto"):
        yield from _instance(view, str(resources.instance_type), ("resources", "instanceType"), hosting=False)
    if deployment is not None and deployment.instance_type is not None:
        yield from _instance(view, deployment.instance_type, ("deployment", "instanceType"), hosting=True)
    fallbacks = (resources.fallback_instance_types if resources else None) or ()
    taken = {resources.instance_type} if resources else set()
    for number, name in enumerate(fallbacks):
        path = ("resources", "fallbackInstanceTypes", number)
        yield from _instance(view, name, path, hosting=False)
        if name in taken:
            yield _repeated(view, name, path)
        taken.add(name)


def _instance(view: ModelView, name: str, path: Path, *, hosting: bool) -> Iterator[Diagnostic]:
    catalog, use = view.around.catalog, "hosting" if hosting else "training"
    usable = [each.name for each in catalog.instances if (each.hosting if hosting else each.training)]
    known = catalog.instance(name)
    if known is None:
        yield view.error(
            "unknown-instance-type",
            "The instance type is not in the catalog",
            *path,
            detail=f"`{spelled(('spec', *path))}` is {found(name)}.",
            hint=_ONLY_TRAINING if name == "auto" else did_you_mean(name, usable) or _LISTED,
        )
    elif name not in usable:
        yield view.error(
            "instance-type-not-usable",
            f"The instance type is not offered for {use}",
            *path,
            detail=f"SageMaker does not offer `{name}` for {use}.",
            hint=f"choose another; {_LISTED}",
        )


def _repeated(view: ModelView, name: str, path: Path) -> Diagnostic:
    return view.error(
        "repeated-fallback",
        "A fallback instance type is named before",
        *path,
        detail=f"`{name}` would be tried twice; where it had no capacity, it has none.",
        hint="remove it, or name another type",
    )


def _runtime(view: ModelView) -> Iterator[Diagnostic]:
    runtime = view.spec.resources.max_runtime if view.spec.resources else None
    if runtime is not None and not timedelta(0) < runtime <= LONGEST_RUNTIME:
        yield view.error(
            "out-of-range",
            "A number is out of range",
            "resources",
            "maxRuntime",
            detail="`spec.resources.maxRuntime` must be more than 0s and at most 28d, SageMaker's limit.",
        )
