"""What a provider is built from. ``cli/wiring.py`` makes it, once for each run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.domain.catalog import Catalog
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.kinds.project import Roles
from reconciler.domain.outcome import FaultKind
from reconciler.domain.plan import Action, Change
from reconciler.domain.ports import Clock
from reconciler.providers.aws.faults import Refused
from reconciler.providers.aws.session import AwsSession

EMBEDDED_TRAINING_IMAGE = "embedded/reconciler-training"
"""On the embedded cloud, which runs no containers: a name that no registry has."""
EMBEDDED_SERVING_IMAGE = "embedded/reconciler-serving"


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """``roles``: IAM roles that AWS assumes. ``training_image``, ``serving_image``: SageMaker's containers, by registry
    address; a manifest may name others. What is ``None`` of these is not known: the verbs that need it fail and say so before
    anything is created. ``inference_ami``: of the hosts of endpoints; ``None``: SageMaker's default.

    ``page_size``: fewer items a page than the service allows, for tests. ``sleep`` waits for SageMaker's own consistency.
    """

    project: str
    aws: AwsSession
    catalog: Catalog
    clock: Clock
    roles: Roles
    training_image: str | None = None
    serving_image: str | None = None
    inference_ami: str | None = None
    hugging_face_token_secret: str | None = None
    page_size: int | None = None
    sleep: Callable[[float], None] = time.sleep


def embedded_roles(account: str) -> Roles:
    """Roles for a project on the embedded cloud that names none; nobody assumes them there."""
    return Roles(
        training=f"arn:aws:iam::{account}:role/reconciler-training",
        bedrock=f"arn:aws:iam::{account}:role/reconciler-bedrock",
        scheduler=f"arn:aws:iam::{account}:role/reconciler-scheduler",
    )


def needed(**values: str | None) -> None:
    """Refuses, naming everything that is missing at once: ``spec.roles.training``, …"""
    missing = [_WHERE[name] for name, value in values.items() if not value]
    if missing:
        raise Refused(FaultKind.TERMINAL, "MissingSetting", f"not known: {'; '.join(missing)}")


def missing_images(
    settings: ProviderSettings, changes: Iterable[Change], models: Mapping[str, DesiredModel]
) -> Iterator[Diagnostic]:
    """An error for each change that would start a container whose image is not known, its follow-ups included.
    ``models``: by address; one may name its own images."""
    for change in changes:
        own = _named_images(models.get(change.address))
        known = {"training": settings.training_image, "serving": settings.serving_image} | own
        steps = dict.fromkeys((change.action, *(step.action for step in change.then)))
        for purpose in dict.fromkeys(_IMAGES[step] for step in steps if step in _IMAGES):
            if known[purpose] is None:
                yield _unknown_image(change.address, purpose, settings)


def _named_images(model: DesiredModel | None) -> dict[str, str]:
    resources, deployment = (model.resolved.resources, model.resolved.deployment) if model else (None, None)
    named = {"training": resources and resources.image, "serving": deployment and deployment.image}
    return {purpose: image for purpose, image in named.items() if image}


def _unknown_image(address: str, purpose: str, settings: ProviderSettings) -> Diagnostic:
    field = {"training": "resources.image", "serving": "deployment.image"}[purpose]
    return error(
        "unknown-image",
        "SageMaker's container image is not known",
        detail=f"{address} needs a {purpose} image, and the catalog names none for {settings.aws.settings.region}.",
        hint=f"name one in `{field}`; `reconciler catalog images` lists the regions that have one",
        address=address,
    )


_IMAGES = {Action.TRAIN: "training", Action.DEPLOY: "serving", Action.ROLL: "serving"}
"""What a change starts a container for."""

_WHERE = {
    "training_role": "the IAM role for training and hosting (set spec.roles.training of the Project)",
    "bedrock_role": "the IAM role for Bedrock (set spec.roles.bedrock of the Project)",
    "scheduler_role": "the IAM role for EventBridge Scheduler, which autoUndeploy needs (set spec.roles.scheduler)",
    "training_image": "the training container's image in this region (set resources.image of the model)",
    "serving_image": "the inference container's image in this region (set deployment.image of the model)",
}
