"""Providers whose clients are botocore Stubbers: each call must come as written down, in that order, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.kinds.project import Roles
from reconciler.domain.naming import version_name
from reconciler.domain.ports import DataLocation, DeployOrder, Provider, TrainOrder
from reconciler.domain.tags import Owner
from reconciler.providers.aws.session import AwsSession, AwsSettings
from reconciler.providers.registry import FACTORIES
from reconciler.providers.settings import ProviderSettings
from tests.builders import NOW, a_model, a_training_machine, a_version
from tests.conformance.catalog import TwoModels

ACCOUNT = "111122223333"
ROLES = Roles(
    training=f"arn:aws:iam::{ACCOUNT}:role/training",
    bedrock=f"arn:aws:iam::{ACCOUNT}:role/bedrock",
    scheduler=f"arn:aws:iam::{ACCOUNT}:role/scheduler",
)
PROJECT = "acme-llms"


class StandingClock:
    def now(self) -> datetime:
        return NOW.astimezone(UTC)


@dataclass
class Stubs:
    """``expect("sagemaker", "create_model", {…}, {…})``: both are checked against the service's model."""

    aws: AwsSession
    provider: Provider
    settings: ProviderSettings
    stubbers: dict[tuple[str, str], Stubber] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def expect(self, service: str, method: str, request: dict[str, Any], answer: dict[str, Any] | None = None) -> None:
        self._stubber(service, method).add_response(method, answer or {}, request)

    def refuse(self, service: str, method: str, request: dict[str, Any], code: str, message: str = "no") -> None:
        self._stubber(service, method).add_client_error(method, code, message, expected_params=request)

    def _stubber(self, service: str, method: str) -> Stubber:
        reads = method.startswith(("list", "describe", "get", "search"))
        mode = "reading" if reads else "changing"
        if (service, mode) not in self.stubbers:
            client = getattr(self.aws, mode)(service)
            self.stubbers[service, mode] = self.stack.enter_context(Stubber(client))
        return self.stubbers[service, mode]


@contextmanager
def stubbed(kind: ProviderName, **changed: Any) -> Iterator[Stubs]:
    """All that was expected has been called when the block ends."""
    settings: dict[str, Any] = {
        "project": PROJECT,
        "catalog": TwoModels(),
        "clock": StandingClock(),
        "roles": ROLES,
        "training_image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/trainer:1",
        "serving_image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/server:1",
        "sleep": lambda seconds: None,
        **changed,
    }
    aws = AwsSession(AwsSettings(region="eu-west-1", endpoint_url="http://127.0.0.1:1", attempts=1))
    made = ProviderSettings(aws=aws, **settings)
    stubs = Stubs(aws, FACTORIES[kind](made), made)
    with stubs.stack:
        yield stubs
        for stubber in stubs.stubbers.values():
            stubber.assert_no_pending_responses()


def a_train_order(model: DesiredModel, attempt: int = 1, **more: Any) -> TrainOrder:
    fields: dict[str, Any] = {
        "name": version_name(model.name, model.fingerprint, attempt),
        "owner": an_owner(model, attempt),
        "model": model,
        "attempt": attempt,
        "data": DataLocation(training_uri="s3://acme/data/1a/training.jsonl"),
        "output_uri": "s3://acme/acme-llms/models/support-bot/1a2b3c4d/",
        "program_uri": "s3://acme/acme-llms/code/1a2b.tar.gz",
        "instance_type": "ml.g5.12xlarge",
    }
    return TrainOrder(**(fields | more))


def a_deploy_order(model: DesiredModel, **more: Any) -> DeployOrder:
    fields: dict[str, Any] = {
        "name": model.name,
        "owner": an_owner(model),
        "model": model,
        "version": a_version(model.fingerprint, model.name),
    }
    return DeployOrder(**(fields | more))


def an_owner(model: DesiredModel, attempt: int = 1) -> Owner:
    return Owner(
        project=PROJECT,
        model=model.name,
        fingerprint=model.fingerprint,
        attempt=attempt,
        created_by="Ada <ada@example.com>",
    )


def a_sagemaker_model(**more: Any) -> DesiredModel:
    return a_model(
        fingerprint_of="a", resources=a_training_machine(instance_count=2), labels={"team": "support"}, **more
    )


def pairs(tags: dict[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: content} for name, content in tags.items()]
