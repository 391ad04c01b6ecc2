"""Runs ``specs/policies.md`` and what ``examples/policies`` tells: rules, their tests, and the paths that its Rego reads."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.errors import InvalidInput
from reconciler.domain.vocabulary import VARIABLES
from reconciler.expressions.evaluate import evaluate
from reconciler.expressions.functions import FUNCTIONS
from reconciler.expressions.parse import MACROS, parse
from reconciler.manifest.schema import schemas
from reconciler.policy.examine import examine
from reconciler.reports.json import to_text
from reconciler.reports.terraform_json import terraform_document
from tests.stage import Stage
from tests.unit.cli.calling import call

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "policies"
PAGE = (ROOT / "specs" / "policies.md").read_text(encoding="utf-8")
EXPRESSION = re.compile(r"^\| `(?P<rule>[^`]+)` \| `(?P<value>[^`]+)` \|$", re.MULTILINE)
REGO_PATH = re.compile(r"\b(resource|input)((?:\.[A-Za-z_]+)+)")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    folder = tmp_path / "policies"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".reconciler"))
    return Stage(folder, furnished=False)


@pytest.mark.parametrize("found", [*EXPRESSION.finditer(PAGE)], ids=lambda found: found["rule"])
def test_the_page_says_what_expressions_come_to(found: re.Match[str]) -> None:
    assert json.dumps(evaluate(parse(found["rule"].replace("\\|", "|"), {}), {})) == found["value"]


def test_the_page_names_every_function_and_every_variable() -> None:
    for name in (*FUNCTIONS, *MACROS, "has", *VARIABLES["change"]):
        assert f"`{name}" in PAGE, f"specs/policies.md does not speak of {name}"


def test_the_pages_policy_passes_its_tests(stage: Stage) -> None:
    (manifest,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    stage.write("policies.yaml", manifest)
    results = [*examine(stage.configuration().policies)]
    assert len(results) == manifest.count("expect:") > 0
    assert [each for each in results if not each.passed] == []


def test_every_test_beside_the_examples_rules_passes(stage: Stage) -> None:
    policies = stage.configuration().policies
    assert [each for each in examine(policies) if not each.passed] == []
    assert all(policy.spec.tests for policy in policies)


def test_without_the_label_the_plan_cannot_be_applied_until_somebody_allows_it(stage: Stage) -> None:
    stage.edit("models/models.yaml", ", approved: finance", "")
    refused = stage.plan()
    (found,) = [each for each in refused.diagnostics if each.is_error]
    assert found.code == "policy-p5-needs-finance"
    assert found.detail == "support-lab would train on ml.p5.4xlarge and is not labelled approved=finance."
    assert found.where is not None
    assert (found.where.file, refused.can_apply) == ("models/models.yaml", False)
    with pytest.raises(InvalidInput, match="p5-needs-finance"):
        stage.apply()
    assert not any(stage.contents().values()), "a refused plan must start nothing"
    allowed = stage.plan(allow=("policy-p5-needs-finance",))
    assert (allowed.can_apply, allowed.overridden) == (True, ("policy-p5-needs-finance",))


def test_what_nobody_may_override(stage: Stage) -> None:
    stage.edit("models/models.yaml", "promotion: [{metric: eval_loss, max: 5}]", "")
    plan = stage.plan(allow=("policy-prod-needs-gates",))
    assert [each.code for each in plan.diagnostics if each.is_error] == ["policy-prod-needs-gates"]


def test_every_path_that_the_rego_reads_is_in_the_plan(stage: Stage) -> None:
    proposal = stage.propose()
    document = terraform_document(proposal.plan, proposal.desired)
    created = [each for each in document["resource_changes"] if each["type"] == "reconciler_model_version"]
    paths = {*REGO_PATH.findall((EXAMPLE / "rego" / "plan.rego").read_text(encoding="utf-8"))} - {("input", ".rego")}
    assert len(paths) > 5
    for root, path in paths:
        for at in created if root == "resource" else [document]:
            assert _has(at, path[1:].split(".")), f"{root}{path}"
    assert created[0]["change"]["actions"] == ["create"]


def test_the_rego_denies_what_it_should(stage: Stage) -> None:
    """By rego-cpp, an interpreter of Rego that is not ours."""
    assert _denied(stage) == []
    stage.edit("models/models.yaml", ", approved: finance", "")
    (denied,) = _denied(stage)
    assert denied.startswith("reconciler_model_version.")
    assert denied.endswith(" would train on ml.p5 without approved=finance")


def _denied(stage: Stage) -> list[str]:
    regopy = pytest.importorskip("regopy")
    proposal = stage.propose()
    rego = regopy.Interpreter()
    rego.add_module("plan", (EXAMPLE / "rego" / "plan.rego").read_text(encoding="utf-8"))
    rego.set_input(json.loads(to_text(terraform_document(proposal.plan, proposal.desired))))
    (denied,) = json.loads(str(rego.query("data.main.deny")))["expressions"]
    return list(denied)


def _has(document: Any, path: list[str]) -> bool:
    for step in path:
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


def test_policy_test_tells_what_fails_and_exits_with_1(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "-C", stage.root, "policy", "test").code == 0
    stage.edit("policies.yaml", "<= 3", "<= 2")
    ended = call(capsys, "-C", stage.root, "policy", "test", "few-trainings")
    assert ended.code == 1
    assert ended.out == (
        "FAIL  few-trainings: three\n      expected pass, and the rule fails\npass  few-trainings: four\n2 run, 1 failed.\n"
    )
    told = json.loads(call(capsys, "-C", stage.root, "policy", "test", "--json").out)
    assert [each["test"] for each in told["tests"] if not each["passed"]] == ["three"]
    assert told["passed"] is False


def test_policy_list_and_names_that_do_not_exist(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    listed = call(capsys, "-C", stage.root, "policy", "list")
    assert "dev-sleeps  warning, each change, 3 tests  policies.yaml:" in listed.out
    ended = call(capsys, "-C", stage.root, "policy", "test", "dev-sleep")
    assert (ended.code, "did you mean `dev-sleeps`?" in ended.err) == (1, True)


def test_editors_know_policies() -> None:
    assert "Policy" in json.loads(schemas()["manifest.schema.json"])["definitions"]
