"""The table of models, and one model's page."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import Origin, UndeployRule
from reconciler.domain.journal import JournalEntry, RunSummary
from reconciler.domain.plan import Action, Change
from reconciler.domain.status import Condition, ConditionStatus, ConditionType, Status
from reconciler.reports.json import model_document, status_document, to_text
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.status import draw_status
from reconciler.reports.view.model import Dossier, rule_text, view_model
from reconciler.reports.view.status import StatusView, view_status
from tests import builders as make
from tests.unit.reports.plans import a_change, a_plan, exactly

SERVING = make.a_model("support-bot", fingerprint_of="one", deployment={"deployed": True})
WANTED = make.a_model(
    "support-bot",
    fingerprint_of="two",
    labels={"team": "support"},
    hyperparameters={
        "epochs": 5,
        "learning_rate": Decimal("0.0002"),
        "optional": {"use_lora": True, "lora_config": {"r": 8, "lora_alpha": 16}},
    },
    origins={
        "spec.hyperparameters.epochs": Origin.MANIFEST,
        "spec.hyperparameters.learningRate": Origin.PROJECT,
        "spec.hyperparameters.optional": Origin.MANIFEST,
        "spec.hyperparameters.optional.lora_config.r": Origin.DEFAULT,
    },
)
CONDITIONS = (
    Condition(
        type=ConditionType.TRAINED,
        status=ConditionStatus.FALSE,
        reason="Failed",
        message="AlgorithmError: \x1b[2Jout of memory",
    ),
    Condition(type=ConditionType.READY, status=ConditionStatus.FALSE, reason="NotTrained", message="not trained"),
)
STALLED = a_change(
    Action.NO_OP,
    "support-bot",
    "support-bot-r2",
    Status.TRAINING_FAILED,
    Status.TRAINING_FAILED,
    "out of memory",
    stalled=True,
    conditions=CONDITIONS,
)
SEEN = make.an_observation(
    SERVING,
    versions=[make.a_version(SERVING.fingerprint), make.a_version(WANTED.fingerprint, runs=[make.an_attempt(WANTED)])],
    deployments=[make.a_deployment(SERVING)],
)
ABSENT = a_change(Action.TRAIN, "faq", "faq-1", Status.ABSENT, Status.TRAINING, provider=ProviderName.BEDROCK)


def the_status() -> StatusView:
    return view_status(a_plan(STALLED, ABSENT), make.a_snapshot(SEEN))


def a_dossier(*changes: Change) -> Dossier:
    return Dossier(
        name="support-bot",
        desired=WANTED,
        observed=(SEEN,),
        changes=changes,
        base=None,
        lineage=("qwen3-8b", "parent", "support-bot"),
        now=make.NOW,
        storage=exactly("0.0042"),
        hosting=exactly("1105.95"),
    )


def drawn_status(*, wide: bool) -> str:
    out = io.StringIO()
    draw_status(Screen(out), the_status(), wide=wide)
    return out.getvalue()


def test_the_usual_columns() -> None:
    lines = drawn_status(wide=False).splitlines()
    assert lines[0].split() == ["NAME", "PROVIDER", "STATUS", "VERSION", "READY", "AGE"]
    assert lines[1].split() == ["faq", "bedrock", "Absent", "-", "-", "-"]
    short = SERVING.fingerprint[7:15]
    assert lines[2].split() == ["support-bot", "sagemaker", "Training", "failed", short, "False", "2d"]


def test_where_nothing_serves_the_wanted_version_is_shown_and_not_the_newest() -> None:
    """After a rollback, say, and outside its hours."""
    seen = make.an_observation(
        WANTED, versions=[make.a_version(WANTED.fingerprint), make.a_version(SERVING.fingerprint)]
    )
    same = a_change(
        Action.NO_OP, WANTED.name, WANTED.name, Status.NOT_DEPLOYED, Status.NOT_DEPLOYED, fingerprint=WANTED.fingerprint
    )
    (row,) = view_status(a_plan(same), make.a_snapshot(seen)).rows
    assert row.version == WANTED.fingerprint[7:15]


def test_wide_says_why_it_is_not_ready() -> None:
    line = drawn_status(wide=True).splitlines()[2]
    assert "ml.g5.2xlarge x1" in line
    assert line.endswith("Failed: AlgorithmError: \\x1b[2Jout of memory")


def test_a_project_without_models() -> None:
    out = io.StringIO()
    draw_status(Screen(out), view_status(a_plan(), make.a_snapshot()))
    assert out.getvalue() == "No models: neither in the manifests nor in the cloud.\n"


def test_status_as_json() -> None:
    document = json.loads(to_text(status_document(a_plan(STALLED, ABSENT), the_status())))
    faq, bot = document["models"]
    assert (faq["status"], faq["version"], faq["createdAt"], faq["ready"]) == ("Absent", None, None, False)
    assert faq["pending"] == ["train:bedrock:faq-1"]
    assert (bot["status"], bot["deployment"]) == ("Training failed", "ml.g5.2xlarge x1")
    assert bot["createdAt"] == "2026-03-02T12:00:00.000000Z"
    assert bot["conditions"][0]["reason"] == "Failed"


def test_defaults_are_marked_by_their_nearest_origin() -> None:
    settings = {setting.name: setting.source for setting in view_model(a_dossier()).hyperparameters}
    assert settings == {
        "epochs": "",
        "learningRate": "project defaults",
        "optional.use_lora": "",
        "optional.lora_config.r": "default",
        "optional.lora_config.lora_alpha": "",
    }


def test_a_model_whose_manifest_is_gone_is_still_shown() -> None:
    gone = Dossier(name="old", desired=None, observed=(SEEN,), changes=(), base=None, lineage=(), now=make.NOW)
    view = view_model(gone)
    assert ("manifest", "gone: only the cloud still knows this model") in view.about
    assert view.hyperparameters == ()
    assert [title for title, _ in view.tables] == ["Versions", "Attempts", "Deployment"]


def test_what_this_machine_did_last_is_told_and_what_broke_off() -> None:
    begun = JournalEntry(change="train:sagemaker:bot-1", address="FineTunedModel/support-bot", began=make.NOW)
    done = begun.model_copy(
        update={"ended": make.NOW + timedelta(seconds=90), "outcome": "failed", "message": "no more"}
    )
    dossier = replace(a_dossier(), run=RunSummary(run="r", entries=(done, begun)))
    [(_, table)] = [
        (title, table) for title, table in view_model(dossier).tables if title == "Last run on this machine"
    ]
    assert [(row[0], row[1], *row[3:]) for row in table.rows] == [
        ("train", "bot-1", "failed", "no more"),
        ("train", "bot-1", "unknown: the run broke off", "-"),
    ]
    document = json.loads(to_text(model_document(dossier)))
    assert [entry["outcome"] for entry in document["lastRun"]["entries"]] == ["failed", None]


def test_what_a_model_without_a_manifest_was_made_of_is_shown_where_it_was_recorded() -> None:
    gone = Dossier(
        name="old", desired=None, observed=(SEEN,), changes=(), base=None, lineage=(), now=make.NOW, recorded=SERVING
    )
    view = view_model(gone)
    assert ("manifest", f"gone: this is what version {SERVING.fingerprint[7:15]} was made of") in view.about
    assert [label for label, _ in view.data] == ["training", "validation"]
    assert view.hyperparameters
    document = json.loads(to_text(model_document(gone)))
    assert (document["desired"], document["recorded"]["fingerprint"]) == (None, SERVING.fingerprint)


def test_costs_are_told_by_the_hour_too_and_with_their_caveats() -> None:
    storage = exactly("1.95").warned("custom model: not verified")
    costs = view_model(replace(a_dossier(), storage=storage, hosting_hourly=exactly("1.515"))).costs
    assert costs == (
        ("storage", "$1.95/month"),
        ("", "custom model: not verified"),
        ("hosting", "$1,105.95/month ($1.515/hour)"),
    )


def test_one_model_as_json() -> None:
    document = json.loads(to_text(model_document(a_dossier(STALLED))))
    assert document["status"] == "Training failed"
    assert document["desired"]["resolved"]["hyperparameters"]["epochs"] == 5
    assert document["observed"][0]["deployments"][0]["name"] == "support-bot"
    assert document["storageMonthly"]["likely"] == 0.0042


def test_rules_in_words() -> None:
    assert rule_text(None) == ""
    assert rule_text(UndeployRule(after=timedelta(hours=8))) == "after 8h"
    assert rule_text(UndeployRule(at=make.NOW)) == "at 2026-03-04 12:00:00 UTC"
    assert (
        rule_text(UndeployRule(hours="Mon-Fri 08:00-20:00", timezone="Europe/Berlin"))
        == "outside Mon-Fri 08:00-20:00 Europe/Berlin"
    )
