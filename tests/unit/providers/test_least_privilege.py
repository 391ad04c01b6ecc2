"""Every call that plan and apply make is in their role's policy, under its conditions; and nothing else is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.domain.conversing import Question
from reconciler.domain.survey import ResourceKind
from reconciler.engine.downloading import downloadable
from reconciler.engine.losses import loss_curves
from reconciler.engine.observe import observe
from reconciler.providers.aws.foundation import policies
from reconciler.providers.aws.foundation.blueprint import Blueprint
from tests.iam import Need, actions, allowed
from tests.stage import BEDROCK, SAGEMAKER, Stage
from tests.unit.engine import adoption
from tests.unit.engine.test_import import brought_in

BLUEPRINT = Blueprint(
    project="stage", region="us-east-1", account="123456789012", bucket="stage-artifacts", data=("elsewhere",)
)
PLAN, APPLY = policies.plan(BLUEPRINT), policies.apply(BLUEPRINT)

PROJECT = f"""
apiVersion: reconciler/v1
kind: Project
metadata: {{name: stage}}
spec:
  region: us-east-1
  bucket: stage-artifacts
  roles:
    training: {BLUEPRINT.role_arn("training")}
    bedrock: {BLUEPRINT.role_arn("bedrock")}
    scheduler: {BLUEPRINT.role_arn("scheduler")}
"""

PROVISIONED = BEDROCK.replace("nova-bot", "unit-bot").replace("onDemand: true", "throughput: {modelUnits: 1}")
FAR = SAGEMAKER.replace("open-bot", "far-bot").replace("data.csv", "s3://elsewhere/data.csv")
HOURS = 'deployment: {autoUndeploy: {hours: "Mon-Sun 08:00-20:00"}, '

NOT_CALLED_HERE = {
    "s3:AbortMultipartUpload": "only where an upload of more than 64 MiB breaks off",
    "logs:DescribeLogStreams": "finds the log of a failed training, whose last lines tell why",
    "logs:GetLogEvents": "reads it",
    "servicequotas:GetServiceQuota": "plans on AWS warn of quotas, which the embedded cloud has not",
    "servicequotas:GetAWSDefaultServiceQuota": "the same, where the account has no value of its own",
    "servicequotas:ListServiceQuotas": "the same, for types whose code is not known",
    "cloudtrail:LookupEvents": "drift tells who did it",
}
"""Action of plan's or apply's policy that no story uses → why it is there."""

READING = ("Describe", "Get", "List", "Lookup", "Search")


@dataclass
class Life:
    """A project's life, and what plan and apply need in it."""

    stage: Stage
    plan: list[Need] = field(default_factory=list)
    apply: list[Need] = field(default_factory=list)
    scheduled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.recorder = self.stage.recorder

    def go(self, *, wait: bool = True) -> None:
        self.recorder.needs.clear()
        self.stage.plan()
        self.plan += self.recorder.needs
        self.recorder.needs.clear()
        self.stage.apply(wait=wait)
        self.apply += self.recorder.needs
        entries = self.stage.cloud.world.requests.since(0)
        self.scheduled |= {f"{e.service}:{e.operation}" for e in entries if e.caller == "scheduler" and not e.error}


def trains_deploys_changes_and_deletes(life: Life) -> None:
    stage = life.stage
    for name, text in (("a.yaml", SAGEMAKER), ("b.yaml", BEDROCK), ("c.yaml", PROVISIONED)):
        stage.write(name, text)
    life.go()
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        stage.edit(name, "epochs: 2", "epochs: 3")
    life.go()
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        stage.edit(name, "epochs: 3", "epochs: 4")
    life.go()
    life.go()
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        stage.remove(name)
    life.go()
    life.go()


def deploys_what_was_trained(life: Life) -> None:
    names = ("a.yaml", "b.yaml", "c.yaml")
    for name, text in zip(names, (SAGEMAKER, BEDROCK, PROVISIONED), strict=True):
        life.stage.write(name, text.replace("state: deployed", "state: undeployed"))
    life.go()
    for name in names:
        life.stage.edit(name, "state: undeployed", "state: deployed")
    life.go()


def stops_what_is_not_wanted_any_more(life: Life) -> None:
    for name, text in (("a.yaml", SAGEMAKER), ("b.yaml", BEDROCK)):
        life.stage.write(name, text)
    life.go(wait=False)
    life.stage.edit("a.yaml", "epochs: 2", "epochs: 5")
    life.stage.edit("b.yaml", "epochs: 2", "epochs: 5")
    life.go()


def renames_and_labels(life: Life) -> None:
    stage = life.stage
    for name, text in (("open-bot", SAGEMAKER), ("nova-bot", BEDROCK)):
        stage.write(f"{name}.yaml", text.replace(f"name: {name}", f"name: {name}, labels: {{team: x}}"))
    life.go()
    stage.edit("open-bot.yaml", "name: open-bot, labels: {team: x}", "name: help-bot, renamedFrom: open-bot")
    stage.edit("nova-bot.yaml", ", labels: {team: x}", "")
    life.go()


def keeps_hours(life: Life) -> None:
    stage = life.stage
    for name, text in (("a.yaml", SAGEMAKER), ("b.yaml", BEDROCK), ("c.yaml", PROVISIONED)):
        stage.write(name, text.replace("deployment: {", HOURS))
    life.go()
    stage.cloud.advance(24 * 3600)
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        stage.edit(name, "08:00-20:00", "09:00-21:00")
    life.go()
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        stage.edit(name, 'autoUndeploy: {hours: "Mon-Sun 09:00-21:00"}, ', "")
    life.go()


def scaled_by_hand(life: Life) -> None:
    stage = life.stage
    stage.write("a.yaml", SAGEMAKER.replace("deployment: {", "deployment: {instanceCount: 1, "))
    life.go()
    stage.scale("open-bot", 2)
    life.go()


def reads_data_elsewhere_and_logs_of_failures(life: Life) -> None:
    s3 = life.stage.client("s3")
    s3.create_bucket(Bucket="elsewhere")
    s3.put_object(Bucket="elsewhere", Key="data.csv", Body=(life.stage.root / "data.csv").read_bytes())
    life.stage.write("far.yaml", FAR)
    life.stage.fault("fail", "sagemaker:CreateTrainingJob", message="AlgorithmError: out of memory", times=1)
    life.go()
    life.go()


STORIES: tuple[Callable[[Life], None], ...] = (
    trains_deploys_changes_and_deletes,
    deploys_what_was_trained,
    stops_what_is_not_wanted_any_more,
    renames_and_labels,
    keeps_hours,
    scaled_by_hand,
    reads_data_elsewhere_and_logs_of_failures,
)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> list[Life]:
    return [lived(story, tmp_path_factory.mktemp(story.__name__)) for story in STORIES]


def lived(story: Callable[[Life], None], folder: Path) -> Life:
    stage = Stage(folder)
    stage.write("reconciler.yaml", PROJECT)
    life = Life(stage)
    story(life)
    return life


def denied(policy: policies.Document, needs: list[Need]) -> list[Need]:
    return [need for need in needs if not allowed(policy, need)]


def test_plan_is_never_denied(lives: list[Life]) -> None:
    for life in lives:
        assert life.plan
        assert denied(PLAN, life.plan) == []


def test_apply_is_never_denied(lives: list[Life]) -> None:
    for life in lives:
        assert life.apply
        assert denied(APPLY, life.apply) == []


def test_nothing_else_is_allowed(lives: list[Life]) -> None:
    planning = {need.action for life in lives for need in life.plan}
    applying = {need.action for life in lives for need in life.apply}
    assert actions(PLAN) - planning - {*NOT_CALLED_HERE} == set()
    assert actions(APPLY) - applying - planning == {*NOT_CALLED_HERE}


def test_the_scheduler_may_what_schedules_do(lives: list[Life]) -> None:
    scheduled = {call for life in lives for call in life.scheduled}
    assert actions(policies.scheduler(BLUEPRINT)) - {"sagemaker:AddTags", "bedrock:TagResource"} == scheduled


def test_plan_only_reads() -> None:
    assert [action for action in actions(PLAN) if not action.split(":")[1].startswith(READING)] == []


@pytest.mark.parametrize(
    "need",
    [
        Need(action="sagemaker:DeleteEndpoint", resource=BLUEPRINT.arn("sagemaker", "endpoint/theirs")),
        Need(
            action="sagemaker:DeleteEndpoint",
            resource=BLUEPRINT.arn("sagemaker", "endpoint/theirs"),
            context={"aws:ResourceTag/reconciler:project": "another"},
        ),
        Need(action="sagemaker:CreateTrainingJob", resource=BLUEPRINT.arn("sagemaker", "training-job/untagged")),
        Need(
            action="sagemaker:AddTags",
            resource=BLUEPRINT.arn("sagemaker", "endpoint/theirs"),
            context={"aws:RequestTag/reconciler:project": "stage"},
        ),
        Need(
            action="iam:PassRole",
            resource=BLUEPRINT.role_arn("training"),
            context={"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        Need(
            action="iam:PassRole",
            resource="arn:aws:iam::123456789012:role/admin",
            context={"iam:PassedToService": "sagemaker.amazonaws.com"},
        ),
        Need(action="s3:PutObject", resource="arn:aws:s3:::stage-artifacts/another/lock.json"),
        Need(action="s3:PutObject", resource="arn:aws:s3:::elsewhere/data.csv"),
        Need(action="scheduler:DeleteSchedule", resource=BLUEPRINT.arn("scheduler", "schedule/default/theirs")),
    ],
    ids=lambda need: f"{need.action} {need.resource}",
)
def test_apply_may_not(need: Need) -> None:
    assert not allowed(APPLY, need)


def test_asking_reading_logs_and_downloading(tmp_path: Path) -> None:
    """Of both providers; asking takes a role of its own, and no more is in it."""
    stage = Stage(tmp_path)
    for name, text in (("reconciler", PROJECT), ("a", SAGEMAKER), ("b", BEDROCK), ("c", PROVISIONED)):
        stage.write(f"{name}.yaml", text)
    stage.apply()
    outside, project, recorder = stage.outside(), stage.configuration().project, stage.recorder
    recorder.needs.clear()
    snapshot = observe(project, outside)
    for model in snapshot.models:
        logs, (version,) = outside.logs[model.provider], model.versions
        kept = (logs.of_training(version.runs[0]), logs.of_deployment(model.deployments[0]))
        read = [line for log in kept if log for line in (*log.unread(), *log.tail(1))]
        assert bool(read) == (model.name == "open-bot")
        assert logs.look(version.runs[0])
    loss_curves(snapshot.models, outside)
    wares = downloadable("open-bot", None, snapshot, stage.configuration(), outside.artifacts.discarded)
    outside.artifacts.download(wares.artifact, tmp_path / "model.tar.gz", lambda _done, _total: None)
    assert denied(PLAN, recorder.needs) == []
    assert {need.action for need in recorder.needs} >= {"logs:GetLogEvents", "logs:DescribeLogStreams", "s3:GetObject"}
    for model in snapshot.models:
        assert [*outside.conversations[model.provider].ask(model.deployments[0], Question(prompt="Hi?"))]
    assert denied(policies.ask(BLUEPRINT), recorder.needs) == []
    assert actions(policies.ask(BLUEPRINT)) - actions(PLAN) == {need.action for need in denied(PLAN, recorder.needs)}


def test_only_an_adopting_role_imports(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("reconciler.yaml", PROJECT)
    adoption.their_endpoint(stage)
    recorder = stage.recorder
    brought_in(stage, ResourceKind.ENDPOINT, "prod-llm")
    adopting = replace(BLUEPRINT, data=("their-bucket",), adopts=True)
    assert denied(policies.apply(adopting), recorder.needs) == []
    without = denied(policies.apply(replace(adopting, adopts=False)), recorder.needs)
    assert {need.action for need in without} == {"sagemaker:AddTags"}
