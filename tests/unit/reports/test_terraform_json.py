"""The plan in Terraform's shape, held against what Terraform itself prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.plan import Action, Change, Effect, FieldChange, FollowUp
from reconciler.domain.status import Status
from reconciler.reports.json import to_text
from reconciler.reports.terraform_json import terraform_document
from tests.builders import a_model
from tests.unit.reports.plans import DELETE, DEPLOY, EVERYTHING, SAME, STALLED, TRAIN, UNDEPLOY, WAIT, a_change, a_plan

RESOURCE = 'resource "terraform_data" "{name}" {{\n  input = "{value}"\n  triggers_replace = ["{trigger}"]\n}}\n'

UPDATE = a_change(
    Action.UPDATE,
    "support-bot",
    "support-bot",
    Status.DEPLOYED,
    Status.DEPLOYED,
    fields=(FieldChange(path="metadata.labels.team", before="old", after="support", effect=Effect.IN_PLACE),),
)
REPLACE = a_change(
    Action.UNDEPLOY,
    "support-bot",
    "support-bot",
    Status.DEPLOYED,
    Status.DEPLOYED,
    fields=(FieldChange(path="spec.deployment.throughput", before=1, after=2, effect=Effect.ROLL),),
    then=(FollowUp(action=Action.DEPLOY, target="support-bot", why="once it is gone"),),
)
OURS = {"project", "environment", "cloud", "account", "region", "digest", "diagnostics", "reconciler_version", "cost"}
OUR_KEYS = {"model", "our_actions", "fingerprint", "reasons", "cost", "fit", "stalled", "id", "follows"}


def change_of(document: dict[str, Any], address: str) -> dict[str, Any]:
    (found,) = (each for each in document["resource_changes"] if each["address"] == address)
    return dict(found)


def terraform(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    done = subprocess.run(
        ["terraform", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Terraform's plan with every list of actions in it. Its provider is built in: nothing is downloaded."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on this machine")
    folder = tmp_path_factory.mktemp("terraform")
    before = {"updated": ("1", "1"), "replaced": ("1", "1"), "deleted": ("1", "1"), "same": ("1", "1")}
    after = {"updated": ("2", "1"), "replaced": ("1", "2"), "created": ("1", "1"), "same": ("1", "1")}
    for resources, command in ((before, ("apply", "-auto-approve")), (after, ("plan", "-out=plan"))):
        text = "".join(RESOURCE.format(name=name, value=v, trigger=t) for name, (v, t) in resources.items())
        (folder / "main.tf").write_text(text)
        terraform(folder, "init", "-input=false")
        terraform(folder, *command, "-input=false")
    document: dict[str, Any] = json.loads(terraform(folder, "show", "-json", "plan"))
    return document


def ours() -> dict[str, Any]:
    """The same five cases."""
    return terraform_document(
        a_plan(DEPLOY, UPDATE, REPLACE, UNDEPLOY, SAME), [a_model("support-bot"), a_model("same")]
    )


def shapes(document: dict[str, Any]) -> dict[tuple[str, ...], tuple[set[str], set[str]]]:
    """By list of actions: the keys of the change, and of the entry around it."""
    return {
        tuple(each["change"]["actions"]): (set(each["change"]), set(each) - OUR_KEYS)
        for each in document["resource_changes"]
    }


def test_the_keys_at_the_top_are_terraforms(theirs: dict[str, Any]) -> None:
    undrifted = terraform_document(a_plan(TRAIN), [])
    assert set(undrifted) - OURS == set(theirs)
    assert undrifted["format_version"] == theirs["format_version"]
    assert set(undrifted["prior_state"]) == set(theirs["prior_state"])
    assert {type(undrifted[key]) for key in ("applyable", "complete", "errored")} == {bool}


def test_every_list_of_actions_has_terraforms_keys(theirs: dict[str, Any]) -> None:
    assert set(shapes(ours())) == set(shapes(theirs))
    assert shapes(ours()) == shapes(theirs)


def test_values_resources_and_configuration_have_terraforms_keys(theirs: dict[str, Any]) -> None:
    mine = ours()
    for path in (("planned_values",), ("prior_state", "values")):
        one, other = mine, theirs
        for step in path:
            one, other = one[step], other[step]
        assert set(one["root_module"]["resources"][0]) == set(other["root_module"]["resources"][0])
    one, other = mine["configuration"], theirs["configuration"]
    assert set(one) == set(other)
    assert set(one["root_module"]["resources"][0]) == set(other["root_module"]["resources"][0])
    assert all(set(each) == {"name", "full_name"} for each in one["provider_config"].values())


def test_what_is_null_and_what_is_false_where_nothing_was_or_will_be(theirs: dict[str, Any]) -> None:
    for document in (ours(), theirs):
        for each in document["resource_changes"]:
            change = each["change"]
            assert (change["before"] is None) is (change["actions"] == ["create"])
            assert (change["after"] is None) is (change["actions"] == ["delete"])
            assert (change["before_sensitive"] is False) is (change["before"] is None)
            assert (change["after_sensitive"] is False) is (change["after"] is None)


@pytest.mark.parametrize(
    ("change", "address", "actions"),
    [
        (TRAIN, "reconciler_model_version.support-bot-1a2b3c4d", ["create"]),
        (TRAIN, "reconciler_deployment.support-bot", ["update"]),
        (DEPLOY, "reconciler_deployment.faq-nova", ["create"]),
        (UNDEPLOY, "reconciler_deployment.old-bot", ["delete"]),
        (DELETE, "reconciler_model_version.old-bot-99887766", ["delete"]),
        (UPDATE, "reconciler_fine_tuned_model.support-bot", ["update"]),
        (REPLACE, "reconciler_deployment.support-bot", ["delete", "create"]),
        (WAIT, "reconciler_fine_tuned_model.sea", ["no-op"]),
        (STALLED, "reconciler_fine_tuned_model.qwen", ["no-op"]),
    ],
)
def test_our_actions_in_terraforms_words(change: Change, address: str, actions: list[str]) -> None:
    assert change_of(terraform_document(a_plan(change)), address)["change"]["actions"] == actions


def test_every_action_of_ours_has_a_word_of_theirs() -> None:
    changes = [a_change(action, f"m-{action}", f"t-{action}", Status.ABSENT, Status.ABSENT) for action in Action]
    assert len(terraform_document(a_plan(*changes))["resource_changes"]) == len(Action)


def test_before_is_what_differs_and_after_is_the_manifest() -> None:
    model = a_model("support-bot", labels={"team": "support"})
    change = change_of(terraform_document(a_plan(UPDATE), [model]), "reconciler_fine_tuned_model.support-bot")["change"]
    assert change["before"]["metadata"]["labels"] == {"team": "old"}
    assert change["after"]["metadata"] == {"name": "support-bot", "labels": {"team": "support"}}
    assert change["before"]["spec"] == change["after"]["spec"] != {}


def test_drift_is_what_the_cloud_did() -> None:
    (drift,) = terraform_document(a_plan(DEPLOY, TRAIN))["resource_drift"]
    assert (drift["address"], drift["change"]["actions"]) == ("reconciler_deployment.faq-nova", ["delete"])
    assert (drift["change"]["before"] is None, drift["change"]["after"]) == (False, None)


def test_our_own_keys_tell_cost_and_reasons_once() -> None:
    document = terraform_document(a_plan(TRAIN))
    head, follower = document["resource_changes"]
    assert (head["reasons"][0]["code"], head["cost"]["oneOff"]["likely"], head["our_actions"]) == (
        "test",
        43.2,
        ["train"],
    )
    assert (follower["follows"], "cost" in follower) == (TRAIN.id, False)


def test_why_something_is_deleted() -> None:
    gone = terraform_document(a_plan(DELETE), [a_model("support-bot")])["resource_changes"][0]
    old = terraform_document(a_plan(DELETE), [a_model("old-bot")])["resource_changes"][0]
    assert (gone.get("action_reason"), old.get("action_reason")) == ("delete_because_no_resource_config", None)


def test_a_plan_that_cannot_be_applied_is_errored() -> None:
    document = terraform_document(EVERYTHING)
    assert (document["applyable"], document["errored"]) == (False, True)
    assert terraform_document(a_plan(SAME))["applyable"] is False
    assert json.loads(to_text(document)) == document
