"""Whole terminal sessions against the embedded cloud: what is typed, and every character that comes back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from reconciler.cli.scaffold import project_files
from reconciler.localcloud import control
from tests.golden.golden import assert_golden
from tests.golden.transcript import Transcript

NOVA = """\
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: order-nova}
spec:
  baseModel: nova-micro
  dataset: {training: orders}
  hyperparameters: {epochs: 2}
  deployment: {state: deployed, onDemand: true}
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Transcript]:
    """A project with a SageMaker and a Bedrock model, and nothing in its embedded cloud, whose clock stands still."""
    folder = tmp_path / "shop"
    for name, text in project_files("shop").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "models" / "order-nova.yaml").write_text(NOVA, encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTOR", "ana")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    state = folder / ".reconciler" / "local"
    control.up(state, speed=0)
    yield Transcript(folder)
    control.down(state)


def delete_endpoint(folder: Path) -> None:
    """Somebody deletes the endpoint by hand, and it is gone soon after."""
    status = control.status(folder / ".reconciler" / "local")
    assert status is not None
    made = boto3.client(
        "sagemaker",
        endpoint_url=status.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="somebody",
        aws_secret_access_key="else",
    )
    made.delete_endpoint(EndpointName="order-helper")
    control.advance(folder / ".reconciler" / "local", 600)


def test_the_main_job(session: Transcript) -> None:
    session.run("plan")
    session.run("apply", "--auto-approve", "--parallelism", "1")
    session.run("status")
    session.edit("models/order-helper.yaml", "state: undeployed", "state: deployed")
    session.run("plan", "--detailed-exitcode", expect=2)
    session.run("apply", "--auto-approve", "--parallelism", "1")
    session.run("plan", "--detailed-exitcode")
    session.run("status", "--wide")
    session.note("somebody deletes the endpoint order-helper", lambda: delete_endpoint(session.folder))
    session.run("drift", expect=2)
    session.run("apply", "--auto-approve", "--parallelism", "1")
    session.run("drift")
    assert_golden("main-job", session.text)


def test_a_change_and_the_end(session: Transcript) -> None:
    session.edit("models/order-helper.yaml", "state: undeployed", "state: deployed")
    session.run("apply", "--auto-approve", "--parallelism", "1")
    session.edit("models/order-helper.yaml", "epochs: 3", "epochs: 5")
    session.run("plan", "--out", "five.plan")
    session.run("apply", "five.plan", "--parallelism", "1")
    session.run("apply", "five.plan", expect=1)
    session.run("show", "order-helper")
    session.note("rm models/order-nova.yaml", (session.folder / "models" / "order-nova.yaml").unlink)
    session.run("plan")
    session.run("destroy", expect=1)
    session.run("destroy", "--auto-approve", "--parallelism", "1")
    session.run("status", "-o", "name")
    session.run("destroy")
    assert_golden("change-and-end", session.text)


def test_when_things_go_wrong(session: Transcript) -> None:
    session.run("show", "order-helpr", expect=1)
    session.run("lock", "show")
    session.run("lock", "release", "no-such-id", "--yes", expect=1)
    session.run(
        "local",
        "fail",
        "fail",
        "--operation",
        "sagemaker:CreateTrainingJob",
        "--message",
        "AlgorithmError: CUDA out of memory",
    )
    session.run("apply", "--auto-approve", "--target", "order-helper", expect=1)
    session.run("status", "--wide")
    session.edit("models/order-helper.yaml", "epochs: 3", "epochz: 3")
    session.run("plan", expect=1)
    session.run("validate", "--json", expect=1)
    assert_golden("when-things-go-wrong", session.text)
