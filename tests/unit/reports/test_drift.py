"""Drift told apart from what is pending, in every format."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

from reconciler.domain.desired import Configuration, ProjectSettings
from reconciler.domain.diagnostic import Location, error
from reconciler.domain.kinds.project import DriftIgnore, DriftSettings
from reconciler.domain.plan import Action, Change, Effect, FieldChange, Plan
from reconciler.domain.status import Condition, ConditionStatus, ConditionType, Status
from reconciler.reports.json import drift_document
from reconciler.reports.junit import drift_junit
from reconciler.reports.markdown import drift_markdown
from reconciler.reports.sarif import drift_sarif
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.drift import draw_drift
from reconciler.reports.view.drift import MEANINGS, DriftKind, DriftView, view_drift, without_ignored
from tests.builders import a_resolved
from tests.unit.reports.plans import DEPLOY, NOW, SAME, TRAIN, a_change, a_plan

SINCE = Condition(
    type=ConditionType.DEPLOYED, status=ConditionStatus.TRUE, reason="InService", last_transition_time=NOW
)
ROLL = a_change(
    Action.ROLL,
    "support-bot",
    "support-bot",
    Status.DEPLOYED,
    Status.DEPLOYED,
    "support-bot runs differently: instanceCount 3 -> 1",
    drift=True,
    conditions=(SINCE,),
    fields=(
        FieldChange(path="spec.deployment.instanceCount", before=3, after=1, effect=Effect.ROLL),
        FieldChange(
            path="spec.deployment.instanceType", before="ml.g5.xlarge", after="ml.g5.2xlarge", effect=Effect.ROLL
        ),
    ),
)
PLAN = a_plan(ROLL, DEPLOY, TRAIN.model_copy(update={"address": "FineTunedModel/new"}), SAME)
COUNT = DriftIgnore(model="support-*", path="spec.deployment.instanceCount", reason="scaled by hand at night")


def viewed(*rules: DriftIgnore, changes: tuple[Change, ...] = ()) -> DriftView:
    settings = ProjectSettings(
        name="acme-llms", cloud="local", region="us-east-1", bucket="b-b-b", drift=DriftSettings(ignore=rules)
    )
    model = a_resolved("support-bot").model_copy(update={"where": Location(file="models/a b.yaml", line=7, column=1)})
    return view_drift(a_plan(*changes) if changes else PLAN, Configuration(project=settings, models=(model,)))


def test_drift_is_told_by_field_and_apart_from_what_is_pending() -> None:
    view = viewed()
    assert [(item.path, item.was, item.found) for item in view.items] == [
        ("spec.deployment.instanceCount", "1", "3"),
        ("spec.deployment.instanceType", '"ml.g5.2xlarge"', '"ml.g5.xlarge"'),
        ("spec.deployment", "", ""),
    ]
    assert [item.kind for item in view.items] == [*[DriftKind.DEPLOYMENT_CHANGED] * 2, DriftKind.DEPLOYMENT_MISSING]
    assert [item.since for item in view.items] == [NOW, NOW, None]
    assert view.pending == ("train support-bot-1a2b3c4d (FineTunedModel/new)",)
    assert view.headline == "3 differences in 2 models; 1 pending (asked by the manifests)"


def test_what_the_project_tolerates_is_shown_and_not_counted() -> None:
    view = viewed(COUNT)
    assert [item.ignored for item in view.ignored] == ["scaled by hand at night"]
    assert len(view.items) == 2
    assert [change.id for change in without_ignored(PLAN, view).changes] == [ROLL.id, DEPLOY.id]
    both = viewed(DriftIgnore(model="SUPPORT-BOT", reason="ours"), COUNT)
    assert {item.ignored for item in both.ignored} == {"ours"}
    assert [change.id for change in without_ignored(PLAN, both).changes] == [DEPLOY.id]
    assert not viewed(DriftIgnore(model="*", reason="all")).items


def test_each_way_to_drift_has_its_kind() -> None:
    def kind(action: Action, now: Status, **more: Any) -> DriftKind:
        change = a_change(action, "a", "a", now, now, drift=True, **more)
        return viewed(changes=(change,)).items[0].kind

    assert kind(Action.TRAIN, Status.ABSENT) is DriftKind.TRAINING_MISSING
    assert kind(Action.NO_OP, Status.TRAINING_FAILED, stalled=True) is DriftKind.TRAINING_FAILED
    assert kind(Action.NO_OP, Status.TRAINING_STOPPED, stalled=True) is DriftKind.TRAINING_STOPPED
    assert kind(Action.NO_OP, Status.NOT_DEPLOYED, stalled=True) is DriftKind.DEPLOYMENT_FAILED
    assert kind(Action.UPDATE, Status.DEPLOYED) is DriftKind.TAGS_OR_SCHEDULES_CHANGED
    assert kind(Action.WAIT, Status.DEPLOYED) is DriftKind.DEPLOYMENT_MISSING
    assert set(MEANINGS) == set(DriftKind)


def test_sarif_has_stable_rules_relative_places_and_fingerprints_without_values() -> None:
    run = drift_sarif(viewed(COUNT), folder="teams/llms")["runs"][0]
    first, missing, ignored = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [each["ruleId"] for each in run["results"]]
    assert missing["ruleId"] == "drift/deployment-missing"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "teams/llms/models/a%20b.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 7, "startColumn": 1}
    assert ignored["suppressions"] == [{"kind": "external", "justification": "scaled by hand at night"}]
    other = ROLL.fields[1].model_copy(update={"before": "ml.g6.xlarge"})
    again = viewed(changes=(ROLL.model_copy(update={"fields": (other,)}),))
    found = drift_sarif(again)["runs"][0]["results"][0]
    assert found["partialFingerprints"] == first["partialFingerprints"]
    assert len({each["partialFingerprints"]["reconcilerDrift/v1"] for each in run["results"]}) == 3


def test_junit_fails_what_drifted_and_skips_what_is_tolerated() -> None:
    root = ElementTree.fromstring(drift_junit(viewed(DriftIgnore(model="support-bot", reason="ours"))))
    suite = root.find("testsuite")
    assert suite is not None
    assert suite.attrib == {"name": "acme-llms", "tests": "4", "failures": "1", "errors": "0", "skipped": "1"}
    told = {case.get("name"): [child.tag for child in case] for case in suite}
    assert told == {
        "FineTunedModel/support-bot": ["skipped"],
        "FineTunedModel/faq-nova": ["failure"],
        "FineTunedModel/new": [],
        "FineTunedModel/same": [],
    }


def test_hostile_text_stays_where_it_is() -> None:
    hostile = "\x00<b>]]>\x1b[31m\ufffe@team | x {0} [a](1)"
    change = DEPLOY.model_copy(update={"target": hostile, "address": f"FineTunedModel/{hostile}"})
    view = viewed(changes=(change,))
    assert ElementTree.fromstring(drift_junit(view))
    assert "{{0}} \\[a\\](1)" in drift_sarif(view)["runs"][0]["results"][0]["message"]["text"]
    assert "@team" not in drift_markdown(view)
    assert "\x1b" not in drift_junit(view)


def test_text_and_json() -> None:
    view = viewed(COUNT)
    out = io.StringIO()
    draw_drift(Screen(out), without_ignored(PLAN, view), view)
    assert "Drift: 2 changes that no manifest asked for." in out.getvalue()
    assert "ignored   FineTunedModel/support-bot spec.deployment.instanceCount" in out.getvalue()
    document = drift_document(without_ignored(PLAN, view), view)
    assert [entry["found"] for entry in document["drift"]] == ['"ml.g5.xlarge"', None]
    assert document["ignored"][0]["reason"] == "scaled by hand at night"
    assert document["pendingChanges"] == list(view.pending)


def ending(plan: Plan) -> str:
    out = io.StringIO()
    draw_drift(Screen(out), plan, viewed(changes=plan.changes))
    return out.getvalue().splitlines()[-1]


def test_an_apply_is_advised_only_where_it_helps() -> None:
    stalled = ROLL.model_copy(update={"stalled": True, "action": Action.NO_OP})
    assert ending(a_plan(ROLL)).startswith("`reconciler apply` brings the cloud back")
    assert ending(a_plan(stalled)).endswith("the reasons above say what to do.")
    assert ending(a_plan(ROLL, diagnostics=[error("x", "no")])).endswith("before the errors above are settled.")
