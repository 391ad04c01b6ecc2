"""A bench: one provider on one embedded cloud whose clock stands still until it is advanced, and orders for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.naming import version_name
from reconciler.domain.observation import Deployment, ModelObservation, TrainingRun, Version
from reconciler.domain.outcome import Outcome
from reconciler.domain.ports import (
    DataLocation,
    DeleteOrder,
    DeployOrder,
    Provider,
    TrainOrder,
    UndeployOrder,
    UpdateOrder,
)
from reconciler.domain.tags import Owner
from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock as CloudClock
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.world import World
from reconciler.providers.aws.session import AwsSession, AwsSettings
from reconciler.providers.registry import FACTORIES
from reconciler.providers.settings import (
    EMBEDDED_SERVING_IMAGE,
    EMBEDDED_TRAINING_IMAGE,
    ProviderSettings,
    embedded_roles,
)
from tests.builders import a_model
from tests.conformance.catalog import TwoModels

PROJECT = "acme-llms"
BUCKET = "acme-llms-artifacts"
ENDPOINT_URL = "http://127.0.0.1:1"
"""Nothing listens there: requests of the in-process session never leave the process."""
START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""A Wednesday noon."""
HOUR = 3600.0
RECORD = json.dumps(
    {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "You help customers."}],
        "messages": [
            {"role": "user", "content": [{"text": "Where is my parcel?"}]},
            {"role": "assistant", "content": [{"text": "On its way."}]},
        ],
    }
)


class Site:
    """One embedded cloud and a session on it. Shared by the tests of a class; each finds it empty."""

    def __init__(self) -> None:
        self.cloud = LocalCloud(world=World())
        self.raw: boto3.Session = session(self.cloud)
        self.aws = self.session_with(attempts=3)

    def session_with(self, *, attempts: int) -> AwsSession:
        settings = AwsSettings(region="us-east-1", endpoint_url=ENDPOINT_URL, attempts=attempts)
        return AwsSession(settings, session=self.raw)

    def emptied(self) -> Site:
        self.cloud.world.clock = CloudClock(speed=0, start=START.timestamp())
        self.cloud.reset()
        s3 = self.aws.changing("s3")
        s3.create_bucket(Bucket=BUCKET)
        for part in ("training", "validation"):
            s3.put_object(Bucket=BUCKET, Key=f"data/{part}.jsonl", Body="\n".join([RECORD] * 10).encode())
        return self


class CloudTime:
    """The embedded cloud's clock as the port."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._cloud.world.clock.now(), UTC)


@dataclass
class Bench:
    site: Site
    kind: ProviderName
    settings: ProviderSettings
    way: Mapping[str, Any] = field(default_factory=dict)
    """How models are deployed unless a test says otherwise."""
    slept: list[float] = field(default_factory=list)

    @classmethod
    def on(cls, site: Site, kind: ProviderName, *, way: Mapping[str, Any]) -> Bench:
        slept: list[float] = []
        settings = ProviderSettings(
            project=PROJECT,
            aws=site.aws,
            catalog=TwoModels(),
            clock=CloudTime(site.cloud),
            roles=embedded_roles(site.cloud.world.account),
            training_image=EMBEDDED_TRAINING_IMAGE,
            serving_image=EMBEDDED_SERVING_IMAGE,
            sleep=slept.append,
        )
        return cls(site, kind, settings, way, slept)

    def __post_init__(self) -> None:
        self.provider: Provider = FACTORIES[self.kind](self.settings)

    def with_settings(self, **changed: Any) -> Bench:
        """The same cloud, other settings."""
        return replace(self, settings=replace(self.settings, **changed))

    def trying_once(self) -> Bench:
        """A provider whose clients repeat nothing by themselves."""
        return self.with_settings(aws=self.site.session_with(attempts=1))

    # -- time, faults, the request log

    def advance(self, hours: float = 12) -> None:
        self.site.cloud.advance(hours * HOUR)

    def order_fault(self, kind: str, operation: str, **more: Any) -> None:
        self.site.cloud.world.faults.append(Fault(kind=kind, operation=operation, **more))

    def no_more_faults(self) -> None:
        self.site.cloud.world.faults.clear()

    def requests(self) -> list[Any]:
        return [entry for entry in self.site.cloud.world.requests if entry.service != "s3"]

    def forget_requests(self) -> None:
        self.site.cloud.world.requests.clear()

    def changes(self) -> list[str]:
        """The calls that could have changed something, whether they succeeded or not."""
        return [f"{entry.service}:{entry.operation}" for entry in self.requests() if entry.changes]

    def snapshot(self) -> list[dict[str, Any]]:
        """Everything in the cloud, as plain values: to see that nothing was touched."""
        kept = ("kind", "name", "status", "spec", "tags", "facts", "generation")
        return [{key: getattr(one, key) for key in kept} for one in self.site.cloud.world.resources()]

    # -- what is wanted

    def model(self, version: str = "a", name: str = "support-bot", **more: Any) -> DesiredModel:
        deployment = {**self.way, **more.pop("deployment", {})}
        return a_model(name, fingerprint_of=version, provider=self.kind, deployment=deployment, **more)

    def owner(self, model: DesiredModel, attempt: int = 1, **more: Any) -> Owner:
        fields: dict[str, Any] = {
            "project": PROJECT,
            "model": model.name,
            "fingerprint": model.fingerprint,
            "attempt": attempt,
            "created_by": "ada@example.com",
            "parent": model.resolved.parent,
            "prevent_destroy": model.resolved.prevent_destroy,
            "deletion_policy": model.resolved.deletion_policy,
        }
        return Owner(**(fields | more))

    def train_order(self, model: DesiredModel, attempt: int = 1, **more: Any) -> TrainOrder:
        fields: dict[str, Any] = {
            "name": version_name(model.name, model.fingerprint, attempt),
            "owner": self.owner(model, attempt),
            "model": model,
            "attempt": attempt,
            "data": DataLocation(
                training_uri=f"s3://{BUCKET}/data/training.jsonl",
                validation_uri=f"s3://{BUCKET}/data/validation.jsonl",
            ),
            "output_uri": f"s3://{BUCKET}/{PROJECT}/models/{model.name}/",
            "program_uri": f"s3://{BUCKET}/{PROJECT}/code/1a2b.tar.gz" if self.kind is ProviderName.SAGEMAKER else None,
            "instance_type": "ml.g5.12xlarge" if self.kind is ProviderName.SAGEMAKER else None,
        }
        return TrainOrder(**(fields | more))

    def deploy_order(self, model: DesiredModel, **more: Any) -> DeployOrder:
        observed = self.observed(model.name)
        version = observed.version(model.fingerprint)
        assert version is not None
        fields: dict[str, Any] = {
            "name": model.name,
            "owner": self.owner(model),
            "model": model,
            "version": version,
            "current": next(iter(observed.deployments), None),
            "instance_count": 1 if self.kind is ProviderName.SAGEMAKER else None,
        }
        return DeployOrder(**(fields | more))

    def undeploy_order(self, name: str = "support-bot", **more: Any) -> UndeployOrder:
        observed = self.observed(name)
        fields: dict[str, Any] = {
            "model": name,
            "deployment": next(iter(observed.deployments), None),
            "schedules": observed.schedules,
        }
        return UndeployOrder(**(fields | more))

    def delete_order(self, model: DesiredModel, **more: Any) -> DeleteOrder:
        version = self.observed(model.name).version(model.fingerprint)
        assert version is not None
        return DeleteOrder(model=model.name, version=version, **more)

    def update_order(self, model: DesiredModel, *, of: str | None = None) -> UpdateOrder:
        owner = self.owner(model).model_copy(update={"fingerprint": None})
        return UpdateOrder(owner=owner, model=model, observed=self.observed(of or model.name), former_name=of)

    # -- what is there

    def observed(self, name: str = "support-bot") -> ModelObservation:
        """As the provider sees it; an empty observation where it sees nothing."""
        models = {model.name: model for model in self.provider.observe().models}
        return models.get(name, ModelObservation(name=name, provider=self.kind))

    def run(self, model: DesiredModel, attempt: int = 1) -> TrainingRun:
        version = self.version(model)
        return next(run for run in version.runs if run.attempt == attempt)

    def version(self, model: DesiredModel) -> Version:
        found = self.observed(model.name).version(model.fingerprint)
        assert found is not None, f"no version of {model.name} is seen"
        return found

    def deployment(self, name: str = "support-bot") -> Deployment:
        found = self.observed(name).deployments
        assert len(found) == 1, f"{len(found)} deployments of {name} are seen"
        return found[0]

    # -- ways there

    def trained(self, version: str = "a", **more: Any) -> DesiredModel:
        model = self.model(version, **more)
        succeed(self.provider.train(self.train_order(model)))
        self.advance()
        return model

    def deployed(self, version: str = "a", **more: Any) -> DesiredModel:
        model = self.trained(version, **more)
        succeed(self.provider.deploy(self.deploy_order(model)))
        self.advance(1)
        return model


def succeed(outcome: Outcome) -> Outcome:
    assert outcome.fault is None, outcome
    return outcome


def owner_tags(model: DesiredModel, **more: str) -> Mapping[str, str]:
    return {
        "reconciler:project": PROJECT,
        "reconciler:model": model.name,
        "reconciler:fingerprint": model.fingerprint,
        "reconciler:created-by": "ada@example.com",
        "reconciler:prevent-destroy": "false",
        **more,
    }
