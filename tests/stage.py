"""A stage for whole stories: a project folder, an embedded cloud in this process, and every real class between them.

Only sockets are left out. A story is judged by :meth:`Stage.contents`, which asks the cloud and not the planner.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.catalog import load as load_catalog
from reconciler.cli.signals import StopRequest
from reconciler.cli.wiring import Cloud, connect
from reconciler.domain.desired import Configuration
from reconciler.domain.plan import Plan, PlanOptions
from reconciler.domain.ports import Event
from reconciler.engine.approve import Approval
from reconciler.engine.outside import Outside, RunSettings
from reconciler.engine.propose import Proposal, propose
from reconciler.engine.reconverge import RunResult, reconverge
from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock as CloudClock
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.world import World
from reconciler.manifest.load import load
from reconciler.providers.aws.foundation.blueprint import Blueprint
from reconciler.providers.aws.foundation.policies import POLICIES
from reconciler.providers.aws.session import AwsSession, AwsSettings
from reconciler.stores.manifests import read_manifests
from tests.iam import Recorder, not_in

REGION = "us-east-1"
OK = 200
_ORDERS = ("CreateTrainingJob", "CreateModelCustomizationJob")
START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
STEP = 600.0
"""Seconds of cloud time that pass where a run would idle."""

PROJECT = """
apiVersion: reconciler/v1
kind: Project
metadata: {name: stage}
spec: {region: us-east-1, bucket: stage-artifacts}
"""

SAGEMAKER = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: open-bot}
spec:
  baseModel: qwen3-1.7b
  dataset: {training: data.csv}
  resources: {instanceType: ml.g5.2xlarge}
  hyperparameters: {epochs: 2, optional: {use_lora: true}}
  deployment: {state: deployed, instanceType: ml.g5.xlarge}
"""

BEDROCK = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: nova-bot}
spec:
  baseModel: nova-micro
  dataset: {training: data.csv}
  hyperparameters: {epochs: 2}
  deployment: {state: deployed, onDemand: true}
"""


class Silent:
    def report(self, event: Event) -> None:
        """Nobody watches."""


@dataclass
class Stage:
    root: Path
    cloud: LocalCloud = field(default_factory=lambda: LocalCloud(world=World()))
    stop: StopRequest = field(default_factory=StopRequest)
    attempts: int = 3
    region: str = REGION
    furnished: bool = True
    """With a small project of its own; else the folder holds one already."""

    def __post_init__(self) -> None:
        self.cloud.world.clock = CloudClock(speed=0, start=START.timestamp())
        self.raw = session(self.cloud, self.region)
        if not self.furnished:
            return
        rows = [f"Question {n}?,Answer {n}." for n in range(24)]
        self.write("data.csv", "\n".join(["prompt,expected completion", *rows, ""]))
        self.write("reconciler.yaml", PROJECT)

    # -- the manifests

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(textwrap.dedent(text))

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text, f"{name} does not say {old!r}"
        self.write(name, text.replace(old, new))

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def configuration(self) -> Configuration:
        loaded = load(read_manifests(self.root).files, load_catalog())
        assert loaded.configuration is not None, loaded.diagnostics
        return loaded.configuration

    # -- the tool

    def outside(self, pause: Callable[[float], None] | None = None) -> Outside:
        settings = AwsSettings(region=self.region, endpoint_url="http://127.0.0.1:1", attempts=self.attempts)
        cloud = Cloud(
            session=AwsSession(settings, session=self.raw),
            account=self.cloud.world.account,
            clock=self,
            pause=pause or (lambda _seconds: self.cloud.advance(STEP)),
            embedded=True,
        )
        return connect(self.configuration().project, self.root, cloud, Silent(), self.stop)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.cloud.world.clock.now(), UTC)

    def propose(self, **options: Any) -> Proposal:
        with self._as_role("plan"):
            return propose(self.configuration(), self.outside(), PlanOptions(**options))

    def plan(self, **options: Any) -> Plan:
        return self.propose(**options).plan

    def apply(self, *, wait: bool = True, approval: Approval | None = None, **options: Any) -> RunResult:
        with self._as_role("apply"):
            return reconverge(
                self.configuration(),
                self.outside(),
                PlanOptions(**options),
                approval or Approval.of_whatever_is_planned_first(),
                RunSettings(wait=wait, parallelism=4, poll_seconds=0),
                self.stop,
            )

    @cached_property
    def recorder(self) -> Recorder:
        """Hears what is called from its first use on."""
        recorder = Recorder(self.cloud.world, self.region)
        recorder.attach(self.raw)
        return recorder

    @contextmanager
    def _as_role(self, purpose: str) -> Iterator[None]:
        """Whatever story is told: nothing is called that the role of this purpose may not."""
        made = len(self.recorder.needs)
        yield
        blueprint = Blueprint(project="any", region=self.region, account="0", bucket="any")
        denied = not_in(POLICIES[purpose](blueprint), self.recorder.needs[made:])
        assert not denied, f"the {purpose} role's policy (providers/aws/foundation/policies.py) lacks {sorted(denied)}"

    # -- the cloud

    def client(self, service: str) -> Any:
        raw: Any = self.raw
        return raw.client(service, endpoint_url="http://127.0.0.1:1")

    def scale(self, endpoint: str, count: int) -> None:
        """As somebody does by hand, and as autoscaling does."""
        desired = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        sagemaker = self.client("sagemaker")
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=desired)
        self.cloud.advance(3600)

    def fault(self, kind: str, operation: str = ".*", **more: Any) -> None:
        self.cloud.world.faults.append(Fault(kind=kind, operation=operation, **more))

    def contents(self) -> dict[str, Any]:
        """What is there now, by kind and name, in a form that does not depend on when or how it came to be."""
        sagemaker, bedrock = self.client("sagemaker"), self.client("bedrock")
        jobs = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
        endpoints = [
            sagemaker.describe_endpoint(EndpointName=each["EndpointName"])
            for each in sagemaker.list_endpoints(MaxResults=100)["Endpoints"]
        ]
        customized = bedrock.list_model_customization_jobs(maxResults=1000)["modelCustomizationJobSummaries"]
        models = {m["modelArn"]: m["modelName"] for m in bedrock.list_custom_models(maxResults=1000)["modelSummaries"]}
        deployed = bedrock.list_custom_model_deployments(maxResults=1000)["modelDeploymentSummaries"]
        provisioned = bedrock.list_provisioned_model_throughputs(maxResults=1000)["provisionedModelSummaries"]
        return {
            "training jobs": {job["TrainingJobName"]: job["TrainingJobStatus"] for job in jobs},
            "models": sorted(m["ModelName"] for m in sagemaker.list_models(MaxResults=100)["Models"]),
            "endpoint configs": sorted(
                config["EndpointConfigName"]
                for config in sagemaker.list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
            ),
            "endpoints": {e["EndpointName"]: (e["EndpointStatus"], e["EndpointConfigName"]) for e in endpoints},
            "customization jobs": {job["jobName"]: job["status"] for job in customized},
            "custom models": sorted(models.values()),
            "custom model deployments": {
                d["customModelDeploymentName"]: (d["status"], models.get(d["modelArn"])) for d in deployed
            },
            "provisioned throughputs": {
                p["provisionedModelName"]: (p["status"], models.get(p["modelArn"])) for p in provisioned
            },
        }

    def lock_is_free(self) -> bool:
        return self.outside().lock.show() is None

    def paid_jobs(self) -> int:
        """Trainings that were ever begun, those that are gone now included.

        A call whose answer was spoiled may have begun one: it counts with the repetition that has its name. SageMaker frees the
        name of a deleted job, so a name that was taken twice counts twice; Bedrock never does, and answers a repeated token.
        """
        orders = [e for e in self.cloud.world.requests if e.operation in _ORDERS]
        taken = Counter(e.name for e in orders if e.operation == "CreateTrainingJob" and e.status == OK)
        return sum(max(1, taken[name]) for name in {e.name for e in orders})

    def changes_since(self, sequence: int) -> list[str]:
        """Operations that changed the cloud, the lock's own and uploads of the same bytes left out."""
        entries = self.cloud.world.requests.since(sequence)
        return [e.operation for e in entries if e.changes and e.service not in ("s3", "sts") and not e.error]
