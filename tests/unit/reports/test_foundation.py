"""The printed forms: what cfn-lint and Terraform say, and that they hold what would be created."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.providers.aws.foundation.blueprint import Blueprint, GitHub
from reconciler.providers.aws.foundation.layout import layout
from reconciler.reports.foundation import ACCOUNTS, render_foundation

PROVIDER = "registry.terraform.io/hashicorp/aws"
ROOTS = ("/opt/tf-plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")
PURPOSES = ("plan", "apply", "ask", "training", "bedrock", "scheduler")


def blueprint(account: str, **more: Any) -> Blueprint:
    return Blueprint(project="shop", region="us-east-1", account=account, bucket="shop-artifacts", **more)


PLAIN: dict[str, Any] = {}
FULL: dict[str, Any] = {
    "emails": ("ana@example.com", "bo@example.com"),
    "data": ("raw-data",),
    "token_secret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf",
    "github": GitHub(repository="acme/llms", environment="production"),
    "adopts": True,
}


def printed(form: str, more: dict[str, Any]) -> str:
    return render_foundation(form, layout(blueprint(ACCOUNTS[form], **more)))


class _Loader(yaml.SafeLoader):
    """CloudFormation's tags as plain mappings."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: {suffix: loader.construct_scalar(node)})


def resources(more: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(printed("cloudformation", more), Loader=_Loader)["Resources"]
    return found


def in_account(value: Any, account: str) -> Any:
    """As CloudFormation would read it."""
    match value:
        case {"Fn::Sub": str() as text}:
            return text.replace(ACCOUNTS["cloudformation"], account)
        case dict():
            return {key: in_account(item, account) for key, item in value.items()}
        case list():
            return [in_account(item, account) for item in value]
        case _:
            return value


@pytest.mark.parametrize("more", [PLAIN, FULL], ids=["plain", "full"])
def test_cfn_lint_finds_nothing(more: dict[str, Any]) -> None:
    """It also knows which actions, resources and conditions a policy may name."""
    from cfnlint import api  # type: ignore[import-untyped]

    text = printed("cloudformation", more)
    assert api.lint(text) == []
    spoiled = text.replace("sagemaker:StopTrainingJob", "sagemaker:StopTrainingJobs")
    assert [match.rule.id for match in api.lint(spoiled)] == ["W3037"]


def test_cloudformation_holds_what_would_be_created() -> None:
    account = "123456789012"
    made = layout(blueprint(account, **FULL))
    there = in_account(resources(FULL), account)
    for role in made["roles"]:
        properties = there[f"{role['purpose'].capitalize()}Role"]["Properties"]
        assert properties["RoleName"] == role["name"]
        assert properties["AssumeRolePolicyDocument"] == role["trust"]
        assert properties["Policies"][0]["PolicyDocument"] == role["policy"]
    for rule in made["rules"]:
        assert there[f"{rule['key'].capitalize()}Rule"]["Properties"]["EventPattern"] == rule["pattern"]
    assert there["TopicPolicy"]["Properties"]["PolicyDocument"] == made["topic"]["policy"]
    assert there["GitHub"]["Properties"]["Url"] == "https://token.actions.githubusercontent.com"


def test_no_provider_for_github_where_there_is_one() -> None:
    there = resources({**FULL, "oidc_provider": False})
    assert "GitHub" not in there
    assert "DependsOn" not in there["PlanRole"]


def test_terraform_holds_the_same_policies() -> None:
    text = printed("terraform", FULL)
    made = layout(blueprint(ACCOUNTS["terraform"], **FULL))
    written = re.findall(r'resource "aws_iam_role_policy" "(\w+)" \{.*?jsonencode\((.*?)\)\n\}', text, re.DOTALL)
    assert {purpose: json.loads(policy) for purpose, policy in written} == {
        role["purpose"]: role["policy"] for role in made["roles"]
    }


@pytest.mark.slow
@pytest.mark.clients
@pytest.mark.parametrize("more", [PLAIN, FULL], ids=["plain", "full"])
def test_terraform_finds_it_valid(tmp_path: Path, more: dict[str, Any]) -> None:
    program, mirror = shutil.which("terraform"), _mirror()
    if program is None or mirror is None:
        pytest.skip("terraform is not on the PATH" if program is None else f"no filesystem mirror holds {PROVIDER}")
    (tmp_path / "main.tf").write_text(printed("terraform", more))
    (tmp_path / "terraform.rc").write_text(
        f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n'
    )
    settings = {"TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc"), "CHECKPOINT_DISABLE": "1", "TF_INPUT": "0"}
    for arguments in (("init",), ("validate",)):
        done = subprocess.run(
            [program, *arguments, "-no-color"],
            cwd=tmp_path,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"terraform {arguments[0]}:\n{done.stdout}\n{done.stderr}"


def _mirror() -> Path | None:
    """The first root below which the provider lies."""
    roots = [os.environ.get("TF_PLUGIN_MIRROR"), os.environ.get("TF_PLUGIN_CACHE_DIR"), *ROOTS]
    return next((Path(root) for root in roots if root and (Path(root) / PROVIDER).is_dir()), None)
