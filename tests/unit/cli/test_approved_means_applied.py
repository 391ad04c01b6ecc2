"""Approved means applied: what a digest covers, and that a plan which says anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.running import _require_same
from reconciler.domain.catalog import ProviderName
from reconciler.domain.errors import InvalidInput, PlanChanged, ReconcilerError
from reconciler.domain.fingerprint import digest
from reconciler.domain.plan import Action, Change, Effect, FieldChange, FollowUp, Plan, PlanOptions, digest_of
from reconciler.engine.approve import Approval
from reconciler.engine.reconverge import RunState
from reconciler.stores.plans import read, save
from tests.stage import SAGEMAKER, Stage

SEALED: dict[str, Any] = {
    "format_version": "9.0",
    "project": "another",
    "environment": "prod",
    "cloud": "aws",
    "account": "999999999999",
    "region": "eu-west-1",
    "manifests_digest": "sha256:0",
    "snapshot_digest": "sha256:0",
    "targets": ("open-bot",),
    "destroy": True,
    "overridden": ("over-budget",),
    "changes": (),
}
"""Field of the plan → another value."""

SEALED_OF_A_CHANGE: dict[str, Any] = {
    "address": "FineTunedModel/other",
    "action": Action.DEPLOY,
    "target": "other-1a2b3c4d",
    "provider": ProviderName.BEDROCK,
    "fingerprint": "sha256:0",
    "attempt": 7,
    "instance_type": "ml.p5.48xlarge",
    "deployment": "arn:aws:bedrock:us-east-1:1:provisioned-model/other",
    "fields": (FieldChange(path="spec.revision", before=1, after=2, effect=Effect.RETRAIN),),
    "depends_on": ("train:sagemaker:other",),
    "then": (FollowUp(action=Action.DELETE, target="open-bot", why="because"),),
}

TOLD = {"digest", "observed_at", "prices_as_of", "totals", "diagnostics", "executed"}
TOLD_OF_A_CHANGE = {"reasons", "status", "cost", "fit", "drift", "stalled", "conditions"}
"""For the reader: prices, prose and times may be told better later. What is done does not follow from them."""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("model.yaml", SAGEMAKER)
    return stage


@pytest.fixture
def plan(stage: Stage) -> Plan:
    return stage.plan()


def test_every_field_is_either_sealed_or_only_told() -> None:
    """A field that is new has to be thought about here."""
    assert set(Plan.model_fields) == set(SEALED) | TOLD
    assert set(Change.model_fields) == set(SEALED_OF_A_CHANGE) | TOLD_OF_A_CHANGE


def forgeries(plan: Plan) -> dict[str, Plan]:
    """The plan with one thing otherwise, each sealed anew: by somebody who knows how it is done."""
    (change,) = plan.changes
    plans = {name: plan.model_copy(update={name: value}) for name, value in SEALED.items()}
    changes = {name: change.model_copy(update={name: value}) for name, value in SEALED_OF_A_CHANGE.items()}
    plans |= {f"changes.{name}": plan.model_copy(update={"changes": (other,)}) for name, other in changes.items()}
    return {name: forged.sealed() for name, forged in plans.items()}


FORGERIES = [*SEALED, *(f"changes.{name}" for name in SEALED_OF_A_CHANGE)]


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_plan_is_refused_and_nothing_is_done(name: str, stage: Stage, plan: Plan) -> None:
    forged = forgeries(plan)[name]
    assert forged.digest != plan.digest
    with pytest.raises(PlanChanged) as caught:
        _require_same(forged, plan)
    assert "\n- " in str(caught.value)
    before = [entry.sequence for entry in stage.cloud.world.requests][-1]
    with pytest.raises((PlanChanged, InvalidInput)):
        stage.apply(approval=Approval.of(forged))
    with pytest.raises((PlanChanged, InvalidInput)):
        stage.apply(approval=Approval.by_digest(forged.digest))
    assert stage.changes_since(before) == []


@pytest.mark.parametrize("name", ["project", "environment", "cloud", "account", "region"])
def test_what_differs_is_said(name: str, plan: Plan) -> None:
    with pytest.raises(PlanChanged, match=f"the {name} was {SEALED[name]} and is {getattr(plan, name) or 'none'}"):
        _require_same(forgeries(plan)[name], plan)


@pytest.mark.parametrize("name", sorted(TOLD - {"digest"}))
def test_what_is_only_told_changes_no_digest(name: str, plan: Plan) -> None:
    other = stage_free(plan, name)
    assert digest_of(other) == plan.digest


def stage_free(plan: Plan, name: str) -> Plan:
    blank = Plan.model_fields[name].get_default(call_default_factory=True) if name != "observed_at" else None
    return plan.model_copy(update={name: blank})


@pytest.mark.parametrize("name", FORGERIES)
def test_a_saved_plan_that_was_changed_is_not_even_read(name: str, plan: Plan, tmp_path: Path) -> None:
    """With the checksum made right, but not the digest; and with neither."""
    path = tmp_path / "saved.plan"
    save(plan, path)
    document = json.loads(path.read_text())
    document["plan"] = forgeries(plan)[name].model_dump(mode="json", by_alias=True) | {"digest": plan.digest}
    content = {key: document[key] for key in ("plan", "options", "toolVersion")}
    for checksum in (document["checksum"], digest(content)):
        path.write_text(json.dumps(document | {"checksum": checksum}))
        with pytest.raises(ReconcilerError, match=r"damaged or changed|was written by version"):
            read(path)


def test_a_plan_of_another_version_of_the_program_is_refused(plan: Plan, tmp_path: Path) -> None:
    """It may do the same thing otherwise."""
    path = tmp_path / "saved.plan"
    save(plan, path)
    document = json.loads(path.read_text()) | {"toolVersion": "0.0.1"}
    checksum = digest({key: document[key] for key in ("plan", "options", "toolVersion")})
    path.write_text(json.dumps(document | {"checksum": checksum}))
    with pytest.raises(ReconcilerError, match=r"was written by version 0\.0\.1"):
        read(path)


Move = Callable[[Stage], Any]
MOVES: dict[str, Move] = {
    "manifest": lambda stage: stage.edit("model.yaml", "epochs: 2", "epochs: 3"),
    "another model": lambda stage: stage.write("more.yaml", SAGEMAKER.replace("open-bot", "second")),
    "settings of the project": lambda stage: stage.edit("reconciler.yaml", "stage-artifacts", "stage-other"),
    "data": lambda stage: stage.edit("data.csv", "Answer 3.", "Another answer."),
    "a label": lambda stage: stage.edit("model.yaml", "{name: open-bot}", "{name: open-bot, labels: {where: here}}"),
    "cloud": lambda stage: stage.client("sagemaker").create_model(
        ModelName="taken",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/x",
        Tags=[
            {"Key": "reconciler:project", "Value": "stage"},
            {"Key": "reconciler:model", "Value": "old"},
            {"Key": "reconciler:fingerprint", "Value": "sha256:00"},
        ],
    ),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_whatever_moves_between_plan_and_apply_is_noticed(move: Move, stage: Stage, plan: Plan) -> None:
    move(stage)
    with pytest.raises(PlanChanged):
        _require_same(plan, stage.plan())
    with pytest.raises(PlanChanged):
        stage.apply(approval=Approval.by_digest(plan.digest))
    assert stage.paid_jobs() == 0


def test_what_was_approved_is_applied(stage: Stage, plan: Plan, tmp_path: Path) -> None:
    save(plan, tmp_path / "saved.plan", PlanOptions())
    saved = read(tmp_path / "saved.plan").plan
    assert stage.apply(approval=Approval.of(saved)).state is RunState.CONVERGED


def test_an_error_that_was_overridden_is_part_of_what_was_approved(stage: Stage) -> None:
    stage.edit("reconciler.yaml", "region: us-east-1", "region: us-east-1, budget: {perTraining: 0.01 USD}")
    refused, allowed = stage.plan(), stage.plan(allow=("over-budget",))
    assert not refused.can_apply
    assert allowed.overridden == ("over-budget",)
    assert refused.digest != allowed.digest
    with pytest.raises(PlanChanged, match="errors overridden were none and are over-budget"):
        _require_same(refused, allowed)
