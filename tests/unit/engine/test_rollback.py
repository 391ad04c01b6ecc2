"""An older version comes back by the manifest alone: the next apply rolls to it, and nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.desired import DesiredModel
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.naming import short
from reconciler.engine.importing import wanted
from reconciler.engine.reconverge import RunState
from reconciler.engine.rollback import VersionEntry, chosen, edits, recorded, require_same, versions
from reconciler.manifest.edit import edited
from tests.stage import BEDROCK, SAGEMAKER, Stage


def two_versions(stage: Stage, manifest: str = SAGEMAKER, old: str = "epochs: 2", new: str = "epochs: 5") -> None:
    stage.write("bot.yaml", manifest)
    stage.apply()
    stage.edit("bot.yaml", old, new)
    stage.apply()


def rolled_back(stage: Stage, name: str, asked: str | None = None) -> DesiredModel:
    """As the command does it."""
    proposal, outside = stage.propose(), stage.outside()
    entry = chosen(versions(proposal, name), name, asked)
    then = recorded(outside, name, entry)
    now = proposal.wanted(name)
    assert now is not None
    text = edited((stage.root / "bot.yaml").read_text(), name, edits(now, then))
    stage.write("bot.yaml", text)
    require_same(wanted(stage.configuration(), stage.outside(), name), then)
    return then


@pytest.mark.parametrize(
    ("manifest", "name", "old", "new"),
    [
        (SAGEMAKER, "open-bot", "epochs: 2", "epochs: 5"),
        (SAGEMAKER, "open-bot", "optional: {use_lora: true}", "optional: {use_lora: true, lora_config: {r: 32}}"),
        (SAGEMAKER, "open-bot", "hyperparameters:", "revision: 7\n  hyperparameters:"),
        (SAGEMAKER, "open-bot", "training: data.csv", "training: data.csv, validation: {split: 20%}"),
        (BEDROCK, "nova-bot", "epochs: 2", "epochs: 3"),
    ],
)
def test_it_rolls_without_training(tmp_path: Path, manifest: str, name: str, old: str, new: str) -> None:
    stage = Stage(tmp_path)
    two_versions(stage, manifest, old, new)
    paid = stage.paid_jobs()
    then = rolled_back(stage, name)
    run = stage.apply()
    assert run.state is RunState.CONVERGED
    assert [str(each.change.action) for each in run.performed] == ["roll"]
    assert stage.paid_jobs() == paid
    assert stage.plan().pending == ()
    there = stage.contents()
    serving = list((there["endpoints"] | there["custom model deployments"]).values())
    assert [short(then.fingerprint) in serves for _, serves in serving] == [True]


def test_weights_of_the_users_own_come_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    s3, weights = stage.client("s3"), "baseModel: {key: qwen3-1.7b, weights: 's3://acme-models/qwen/'}"
    s3.create_bucket(Bucket="acme-models")
    s3.put_object(Bucket="acme-models", Key="qwen/model.safetensors", Body=b"weights")
    two_versions(stage, SAGEMAKER.replace("baseModel: qwen3-1.7b", weights), weights, "baseModel: qwen3-1.7b")
    assert rolled_back(stage, "open-bot").resolved.weights_uri == "s3://acme-models/qwen/"
    assert [str(change.action) for change in stage.plan().pending] == ["roll"]


def test_comments_and_what_is_not_part_of_it_stay(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    two_versions(stage, SAGEMAKER.replace("epochs: 2,", "epochs: 2,"))
    stage.edit("bot.yaml", "  deployment: {state: deployed", "  # why it is deployed\n  deployment: {state: deployed")
    before = (tmp_path / "bot.yaml").read_text()
    rolled_back(stage, "open-bot")
    assert (tmp_path / "bot.yaml").read_text().strip() == before.replace("epochs: 5", "epochs: 2").strip()


def test_changed_data_is_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", SAGEMAKER)
    stage.apply()
    before = (tmp_path / "data.csv").read_text()
    stage.write("data.csv", before + "One more?,Yes.\n")
    stage.apply()
    with pytest.raises(ReconcilerError, match="manifest alone cannot bring it back") as refused:
        rolled_back(stage, "open-bot")
    assert "put back data.csv as it was (24 records" in refused.value.hint
    stage.write("old.csv", before)
    proposal, outside = stage.propose(), stage.outside()
    entry = chosen(versions(proposal, "open-bot"), "open-bot", None)
    then, now = recorded(outside, "open-bot", entry), proposal.wanted("open-bot")
    assert now is not None
    text = edited((tmp_path / "bot.yaml").read_text(), "open-bot", edits(now, then, dataset="old.csv"))
    stage.write("bot.yaml", text)
    assert [str(change.action) for change in stage.plan().pending] == ["roll"]


def test_a_version_whose_artifact_is_gone_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    two_versions(stage)
    oldest = versions(stage.propose(), "open-bot")[0]
    assert oldest.artifact is not None
    bucket, _, key = oldest.artifact.identifier.removeprefix("s3://").partition("/")
    stage.client("s3").delete_object(Bucket=bucket, Key=key)
    with pytest.raises(ReconcilerError, match="its artifact is gone"):
        recorded(stage.outside(), "open-bot", oldest)


def test_which_version(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    two_versions(stage)
    entries = versions(stage.propose(), "open-bot")
    assert [entry.wanted for entry in entries] == [False, True]
    assert chosen(entries, "open-bot", None) == entries[0]
    assert chosen(entries, "open-bot", short(entries[0].fingerprint)) == entries[0]
    for asked, told in (("ffff", "no version"), (short(entries[1].fingerprint), "already"), ("", "no version")):
        with pytest.raises(ReconcilerError, match=told):
            chosen(entries, "open-bot", asked)
    with pytest.raises(ReconcilerError, match="no older version"):
        chosen(entries[1:], "open-bot", None)


def test_what_serves_while_something_newer_is_wanted_comes_first() -> None:
    def entry(fingerprint: str, *, serves: bool = False, wanted: bool = False) -> VersionEntry:
        from reconciler.domain.observation import Artifact

        artifact = Artifact(identifier=f"s3://b/{fingerprint}", name=fingerprint)
        return VersionEntry(
            fingerprint=fingerprint, trained_as="t", metrics={}, wanted=wanted, serves=serves, artifact=artifact
        )

    entries = [entry("a", serves=True), entry("b"), entry("c", wanted=True)]
    assert chosen(entries, "bot", None).fingerprint == "a"
