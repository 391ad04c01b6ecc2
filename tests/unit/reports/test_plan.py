"""The plan on a terminal and as JSON."""

from __future__ import annotations

import io
import json

import jsonschema
import pytest

from reconciler.domain.plan import Action, Change, Fit, MemoryTerm, Plan, Remedy, Verdict
from reconciler.domain.status import Status
from reconciler.manifest.schema import schemas
from reconciler.reports.json import plan_document, to_text
from reconciler.reports.screen import Screen, wants_color
from reconciler.reports.terminal.plan import draw_plan
from reconciler.reports.view.difference import differences
from reconciler.reports.view.drift import drift_of
from reconciler.reports.view.plan import embedded_note, summary_sentence, value_text, view_plan
from tests.unit.reports.plans import DEPLOY, EVERYTHING, SAME, STALLED, TRAIN, UNDEPLOY, WAIT, a_change, a_plan


def drawn(plan: Plan, *, color: bool = False) -> str:
    out = io.StringIO()
    draw_plan(Screen(out, color=color), plan)
    return out.getvalue()


def test_destruction_comes_first_and_in_capitals() -> None:
    changes = view_plan(a_plan(TRAIN, WAIT, STALLED, UNDEPLOY)).changes
    assert [change.symbol for change in changes] == ["-", "!", "+", "…"]
    assert changes[0].what.startswith("UNDEPLOY ")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ((TRAIN, DEPLOY), "Plan: 1 to train, 1 to deploy, 0 to roll, 0 to undeploy, 0 to delete."),
        ((SAME,), "No changes. The cloud matches the manifests."),
        (
            (a_change(Action.STOP, "a", "a-1", Status.TRAINING, Status.STOPPING_TRAINING),),
            "Plan: 0 to train, 0 to deploy, 0 to roll, 0 to undeploy, 0 to delete, 1 to stop.",
        ),
        ((STALLED,), "Plan: 0 to train, 0 to deploy, 0 to roll, 0 to undeploy, 0 to delete."),
    ],
)
def test_summary_sentence(changes: tuple[Change, ...], sentence: str) -> None:
    assert summary_sentence(a_plan(*changes)) == sentence


HELPS = Remedy(change="batchSize: 1", needed_gib=9.0, available_gib=22.0)
PARTS = (MemoryTerm(name="weights", gib=15.0), MemoryTerm(name="logits and loss", gib=6.0))


@pytest.mark.parametrize(
    ("fit", "told"),
    [
        (
            Fit(verdict=Verdict.FITS, needed_gib=9, available_gib=22, terms=PARTS),
            "fits: needs about 9.0 of 22.0 GiB per GPU",
        ),
        (
            Fit(verdict=Verdict.TIGHT, needed_gib=16, most_gib=23, available_gib=22, terms=PARTS, remedies=(HELPS,)),
            "tight: needs 16.0 to 23.0 of 22.0 GiB per GPU (weights 15.0, logits and loss 6.0); "
            "would fit with batchSize: 1 (9.0 of 22.0 GiB)",
        ),
        (
            Fit(verdict=Verdict.DOES_NOT_FIT, needed_gib=60, most_gib=70, available_gib=22, terms=PARTS),
            "does not fit: needs about 60.0 of 22.0 GiB per GPU (weights 15.0, logits and loss 6.0)",
        ),
        (Fit(verdict=Verdict.UNKNOWN), "unknown whether it fits the GPU"),
    ],
)
def test_verdicts(fit: Fit, told: str) -> None:
    (change,) = view_plan(a_plan(TRAIN.model_copy(update={"fit": fit}))).changes
    assert change.fit == told


def test_a_stalled_model_is_never_no_changes() -> None:
    text = drawn(a_plan(STALLED))
    assert "No changes" not in text
    assert "needs a person" in text


def test_colour_is_never_the_only_signal() -> None:
    plain = drawn(EVERYTHING)
    assert "\x1b" not in plain
    colored = drawn(EVERYTHING, color=True)
    assert "\x1b[" in colored
    for symbol in ("  - ", "  + ", "  ! ", "  … "):
        assert symbol in plain


@pytest.mark.parametrize(
    ("environment", "terminal", "refused", "colored"),
    [
        ({}, True, False, True),
        ({}, False, False, False),
        ({"NO_COLOR": "1"}, True, False, False),
        ({"NO_COLOR": ""}, True, False, True),
        ({"FORCE_COLOR": "1"}, False, False, True),
        ({"FORCE_COLOR": "0"}, True, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False, False),
        ({"FORCE_COLOR": "1"}, False, True, False),
        ({"TERM": "dumb"}, True, False, False),
    ],
)
def test_who_gets_colour(environment: dict[str, str], terminal: bool, refused: bool, colored: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    assert wants_color(Stream(), environment, refused=refused) is colored


def test_json_is_the_plan_itself() -> None:
    document = json.loads(to_text(plan_document(EVERYTHING)))
    assert document["formatVersion"] == "1.0"
    assert document["summary"]["train"] == 1
    assert document["applyable"] is False
    assert document["totals"]["oneOff"] == {
        "low": 38.0, "likely": 43.2, "high": 52.0, "currency": "USD", "unknown": [], "assumptions": [], "caveats": []
    }  # fmt: skip
    train = document["changes"][0]
    assert train["id"] == TRAIN.id
    assert train["fields"] == [
        {"path": "spec.hyperparameters.epochs", "before": 3, "after": 5, "effect": "retrain", "origin": None}
    ]
    assert train["then"][0]["action"] == "roll"
    unknown = document["changes"][1]["cost"]["monthly"]
    assert unknown["likely"] is None
    assert unknown["unknown"] == ["provisioned throughput of Nova Lite in us-east-1"]


def test_json_is_what_the_schema_promises() -> None:
    schema = json.loads(schemas()["plan.schema.json"])
    document = json.loads(to_text(plan_document(EVERYTHING)))
    jsonschema.Draft7Validator(schema).validate(document)
    assert set(document) == set(schema["properties"])
    assert set(document["changes"][0]) == set(schema["definitions"]["Change"]["properties"])


def test_long_values_are_shortened_and_absent_ones_are_said() -> None:
    assert value_text(None) == "(absent)"
    assert value_text({"r": 8}) == '{"r": 8}'
    assert len(value_text("x" * 1000)) < 120


def test_what_makes_a_fresh_plan_another_one() -> None:
    approved = a_plan(TRAIN)
    assert differences(approved, approved) == ()
    retried = TRAIN.model_copy(update={"target": "support-bot-1a2b3c4d-r2", "attempt": 2})
    fresh = a_plan(retried, DEPLOY, snapshot_digest="sha256:" + "c" * 64, account="999999999999")
    assert differences(approved, fresh) == (
        "the account was 123456789012 and is 999999999999",
        "the cloud is not as it was observed",
        "no longer planned: train support-bot-1a2b3c4d (FineTunedModel/support-bot)",
        "newly planned: train support-bot-1a2b3c4d-r2 (FineTunedModel/support-bot)",
        "newly planned: deploy faq-nova (FineTunedModel/faq-nova)",
    )
    other = a_plan(TRAIN.model_copy(update={"instance_type": "ml.p4d.24xlarge"}), manifests_digest="sha256:" + "d" * 64)
    assert differences(approved, other) == (
        "the manifests were changed",
        "planned otherwise: train support-bot-1a2b3c4d (FineTunedModel/support-bot)",
    )


def test_drift_is_the_part_that_nobody_asked_for() -> None:
    drifted = drift_of(EVERYTHING)
    assert [change.id for change in drifted.changes] == [DEPLOY.id]
    assert drifted.digest != EVERYTHING.digest
    assert drift_of(a_plan(TRAIN)).changes == ()


@pytest.mark.parametrize(
    ("cloud", "executed", "said"),
    [
        ("aws", (), ""),
        ("local", (), "Embedded cloud: trainings and endpoints are simulated."),
        ("local", ("support-bot",), "Embedded cloud. support-bot is really trained and served on this machine."),
        (
            "local",
            ("other", "third"),
            "Embedded cloud. other, third are really trained and served on this machine; the rest is simulated.",
        ),
    ],
)
def test_on_the_embedded_cloud_it_says_what_is_real(cloud: str, executed: tuple[str, ...], said: str) -> None:
    plan = a_plan(TRAIN, cloud=cloud, executed=executed)
    assert embedded_note(plan) == said
    assert not executed or said.removeprefix("Embedded cloud. ") in " ".join(drawn(plan).split())
