"""--format: the plan for pull requests, drift for schedules; on the embedded cloud, as a shell would call them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reconciler.localcloud import control
from tests.unit.cli.calling import call

TOLERANT = (
    "\nspec:\n  drift:\n    ignore:\n      - {model: 'order-*', path: spec.deployment, reason: switched off at night}\n"
)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "llms" / "shop"
    call(capsys, "init", folder)
    yield folder
    control.down(folder / ".reconciler" / "local")


def test_a_plan_for_forges(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    markdown = call(capsys, "-C", shop, "plan", "--format", "markdown", "--out", "p.plan", "--detailed-exitcode")
    assert markdown.code == 2
    assert markdown.out.startswith("<!-- reconciler:plan:shop: -->\n### Plan for shop: 1 to train")
    assert markdown.out.rstrip().endswith("</code>")
    assert (shop / "p.plan").exists()
    assert call(capsys, "-C", shop, "plan", "--format", "github").out.startswith("Plan: 1 to train; about $")
    terraform = json.loads(call(capsys, "-C", shop, "plan", "--format", "terraform-json").out)
    assert terraform["resource_changes"][0]["change"]["actions"] == ["create"]
    both = call(capsys, "-C", shop, "plan", "--json", "--format", "markdown")
    assert (both.code, "exclude each other" in both.err) == (1, True)


def test_broken_manifests_are_annotated_from_the_repositorys_root(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "models" / "broken.yaml").write_text("apiVersion: reconciler/v1\nkind: FineTunedModle\n")
    for command in ("validate", "plan"):
        ended = call(capsys, "-C", shop, command, "--format", "github")
        assert ended.code == 1
        assert ended.out.startswith("::error file=llms/shop/models/broken.yaml,line=2,col=")
    markdown = call(capsys, "-C", shop, "plan", "--format", "markdown")
    assert "### No plan: " in markdown.out
    assert "models/broken.yaml" in markdown.out


def test_drift_in_every_format_and_as_tolerated(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shop / "models" / "order-helper.yaml"
    model.write_text(model.read_text().replace("state: undeployed", "state: deployed"))
    assert "state: deployed" in model.read_text()
    assert call(capsys, "-C", shop, "apply", "--auto-approve").code == 0
    assert call(capsys, "-C", shop, "drift").out == "No drift. The cloud is as it was last applied.\n"
    delete_endpoint(shop)

    sarif = call(capsys, "-C", shop, "drift", "--format", "sarif")
    assert sarif.code == 2
    result = json.loads(sarif.out)["runs"][0]["results"][0]
    assert result["ruleId"] == "drift/deployment-missing"
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "llms/shop/models/order-helper.yaml"
    junit = call(capsys, "-C", shop, "drift", "--format", "junit")
    assert ElementTree.fromstring(junit.out).get("failures") == "1"
    markdown = call(capsys, "-C", shop, "drift", "--format", "markdown")
    assert "1 difference in 1 model" in markdown.out

    project = shop / "reconciler.yaml"
    project.write_text(project.read_text().replace("\nspec:\n", TOLERANT, 1))
    tolerated = call(capsys, "-C", shop, "drift")
    assert tolerated.code == 0
    assert "switched off at night" in tolerated.out
    told = json.loads(call(capsys, "-C", shop, "drift", "--json").out)
    assert (told["drift"], len(told["ignored"]), told["changes"]) == ([], 1, [])


def delete_endpoint(shop: Path) -> None:
    from reconciler.providers.aws.session import AwsSession, AwsSettings

    status = control.status(shop / ".reconciler" / "local")
    assert status is not None
    session = AwsSession(AwsSettings(region="us-east-1", endpoint_url=status.endpoint_url))
    session.changing("sagemaker").delete_endpoint(EndpointName="order-helper")
    control.advance(shop / ".reconciler" / "local", 3600)
