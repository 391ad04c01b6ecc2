"""Terraform with its AWS provider, which nobody here wrote: what it made it must find unchanged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.localcloud import control
from reconciler.localcloud.control import LocalStatus

PROVIDER = "registry.terraform.io/hashicorp/aws"
ROOTS = ("/opt/tf-plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")

MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "VERSION" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints {
    sagemaker = "ENDPOINT"
    sts       = "ENDPOINT"
    iam       = "ENDPOINT"
  }
}

variable "instances" { type = number }

resource "aws_sagemaker_model" "bot" {
  name               = "bot"
  execution_role_arn = "arn:aws:iam::123456789012:role/hosting"
  primary_container { image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/serving:1" }
  tags = { team = "support" }
}

resource "aws_sagemaker_endpoint_configuration" "bot" {
  name = "bot-${var.instances}"
  production_variants {
    variant_name           = "main"
    model_name             = aws_sagemaker_model.bot.name
    instance_type          = "ml.g5.2xlarge"
    initial_instance_count = var.instances
  }
  lifecycle { create_before_destroy = true }
}

resource "aws_sagemaker_endpoint" "bot" {
  name                 = "bot"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.bot.name
  tags                 = { team = "support" }
}
"""

Terraform = Callable[..., int]


@pytest.fixture
def terraform(tmp_path: Path, served: LocalStatus, environment: dict[str, str]) -> Terraform:
    """Runs terraform in a project of its own; answers the exit code, and fails the test for 1."""
    program, mirror = shutil.which("terraform"), _mirror()
    if program is None or mirror is None:
        pytest.skip("terraform is not on the PATH" if program is None else f"no filesystem mirror holds {PROVIDER}")
    project = tmp_path / "project"
    project.mkdir()
    text = MAIN.replace("ENDPOINT", served.endpoint_url).replace("VERSION", _version(mirror))
    (project / "main.tf").write_text(text)
    settings = tmp_path / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
    more = {"TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_INPUT": "0"}

    def run(*arguments: str) -> int:
        done = subprocess.run(
            [program, *arguments, "-no-color"],
            cwd=project,
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode in (0, 2), (
            f"terraform {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}\n{_what_the_cloud_saw(tmp_path / 'cloud')}"
        )
        return done.returncode

    return run


def _what_the_cloud_saw(state: Path) -> str:
    """For whoever looks for the cause of a failure."""
    requests = [
        f"{each['operation']} {each['name']} {each['status']} {each['error']}" for each in control.requests(state)
    ]
    return "\n".join([*requests[-40:], (state / "server.log").read_text()[-4_000:]])


@pytest.mark.slow
@pytest.mark.clients
def test_create_replan_update_destroy(served: LocalStatus, terraform: Terraform) -> None:
    sagemaker: Any = boto3.Session(
        aws_access_key_id="dummy", aws_secret_access_key="dummy", region_name="us-east-1"
    ).client("sagemaker", endpoint_url=served.endpoint_url)
    terraform("init")
    terraform("apply", "-auto-approve", "-var=instances=1")
    first = sagemaker.describe_endpoint(EndpointName="bot")
    assert (first["EndpointStatus"], first["EndpointConfigName"]) == ("InService", "bot-1")
    assert terraform("plan", "-detailed-exitcode", "-var=instances=1") == 0
    terraform("apply", "-auto-approve", "-var=instances=2")
    second = sagemaker.describe_endpoint(EndpointName="bot")
    assert (second["EndpointStatus"], second["EndpointConfigName"]) == ("InService", "bot-2")
    assert second["CreationTime"] == first["CreationTime"]
    assert second["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    terraform("destroy", "-auto-approve", "-var=instances=2")
    # The provider takes an endpoint that is Deleting for gone.
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="bot", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []


def _mirror() -> Path | None:
    """The first root below which the provider lies."""
    roots = [os.environ.get("TF_PLUGIN_MIRROR"), os.environ.get("TF_PLUGIN_CACHE_DIR"), *ROOTS]
    return next((Path(root) for root in roots if root and (Path(root) / PROVIDER).is_dir()), None)


def _version(mirror: Path) -> str:
    """The newest version in the mirror, unpacked or packed."""
    found = {entry.name for entry in (mirror / PROVIDER).iterdir() if entry.is_dir()}
    found |= {entry.name.split("_")[1] for entry in (mirror / PROVIDER).glob("terraform-provider-aws_*.zip")}
    return max(found, key=lambda version: json.loads(f"[{version.replace('.', ',')}]"))
