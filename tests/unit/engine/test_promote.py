"""Promotion: what staging trained is served by prod, without another training; everything real but sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.catalog import load as load_catalog
from reconciler.domain.desired import Configuration
from reconciler.domain.errors import CloudUnavailable, InvalidInput, LockHeld
from reconciler.domain.observation import Version
from reconciler.domain.plan import Action, Plan
from reconciler.engine import promote as engine
from reconciler.engine.promote import Promoted, examine, look
from reconciler.engine.reconverge import RunState
from reconciler.localcloud.inprocess import session
from reconciler.manifest.load import load
from reconciler.stores.manifests import read_environment, read_manifests
from tests.folders import write_folder
from tests.stage import BEDROCK, Stage

MODEL = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: open-bot}
spec:
  baseModel: qwen3-1.7b
  dataset: {training: data.csv, validation: {split: 10%}}
  resources: {instanceType: ml.g5.2xlarge}
  hyperparameters: {epochs: 2, optional: {use_lora: true}}
  promotion: [{metric: eval_loss, max: 5}]
  deployment: {state: deployed, instanceType: ml.g5.xlarge}
"""

CHILD = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: child}
spec:
  baseModel: {fineTunedModel: open-bot}
  dataset: {training: data.csv, validation: {split: 10%}}
  resources: {instanceType: ml.g5.2xlarge}
  hyperparameters: {epochs: 1, optional: {use_lora: true}}
"""

HEAD = "apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {name: open-bot}\n"
SAME_REGION = "apiVersion: reconciler/v1\nkind: Project\nspec: {bucket: prod-artifacts}\n"
OTHER_REGION = """
apiVersion: reconciler/v1
kind: Project
spec: {region: us-west-2, bucket: prod-west, nameSuffix: ""}
"""


@dataclass
class Environment(Stage):
    """One environment of a project; several share a folder and a cloud."""

    environment: str = ""

    def __post_init__(self) -> None:
        self.raw = session(self.cloud, self.region)

    def configuration(self) -> Configuration:
        chosen = read_environment(self.root, self.environment)
        loaded = load(read_manifests(self.root).files, load_catalog(), environment=chosen)
        assert loaded.configuration is not None, loaded.diagnostics
        return loaded.configuration

    def side(self) -> engine.Side:
        return look(self.configuration(), self.outside())

    def version(self) -> Version:
        (model,) = [m for m in self.side().snapshot.models if m.name.startswith("open-bot")]
        (version,) = model.versions
        return version


@dataclass
class World:
    stage: Stage
    staging: Environment
    prod: Environment

    def promote(self, *names: str) -> tuple[Promoted, ...]:
        source, target = self.staging.side(), self.prod.side()
        return engine.promote(examine(source, target, names), source, target)

    def refused(self, *names: str) -> dict[str, str]:
        with pytest.raises(InvalidInput) as caught:
            examine(self.staging.side(), self.prod.side(), names)
        return {found.code: found.detail for found in caught.value.diagnostics}


@pytest.fixture(params=[(SAME_REGION, "us-east-1"), (OTHER_REGION, "us-west-2")], ids=["one region", "two regions"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    return make_world(tmp_path, *request.param)


def make_world(root: Path, overlay: str = SAME_REGION, region: str = "us-east-1", **files: str) -> World:
    stage = Stage(root)
    (root / "environments").mkdir()
    stage.write("environments/staging.yaml", "")
    stage.write("environments/prod.yaml", overlay)
    for name, text in {"model.yaml": MODEL, **files}.items():
        stage.write(name, text)
    staging = Environment(root, stage.cloud, environment="staging")
    prod = Environment(root, stage.cloud, region=region, environment="prod")
    return World(stage, staging, prod)


def actions(plan: Plan) -> list[Action]:
    return [change.action for change in plan.pending]


def test_prod_deploys_what_staging_trained(world: World) -> None:
    assert world.staging.apply().state is RunState.CONVERGED
    assert actions(world.prod.plan()) == [Action.TRAIN]
    (done,) = world.promote("open-bot")
    assert done.copied is not None
    assert done.copied.new
    assert actions(world.prod.plan()) == [Action.DEPLOY]
    assert world.prod.apply().state is RunState.CONVERGED
    assert actions(world.prod.plan()) == actions(world.staging.plan()) == []
    assert world.stage.paid_jobs() == 1


def test_the_bytes_are_the_same_and_the_version_knows_where_it_was_trained(world: World) -> None:
    world.staging.apply()
    world.promote()
    ours, theirs = world.staging.version(), world.prod.version()
    assert body(world.staging, ours) == body(world.prod, theirs)
    assert theirs.fingerprint == ours.fingerprint
    assert (theirs.promoted_from, theirs.runs) == ("stage-staging", ())
    assert theirs.metrics == ours.runs[-1].metrics


def body(environment: Environment, version: Version) -> bytes:
    assert version.artifact is not None
    bucket, _, key = version.artifact.identifier.removeprefix("s3://").partition("/")
    found: bytes = environment.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return found


def test_promoting_again_changes_nothing(world: World) -> None:
    world.staging.apply()
    world.promote()
    before = max(entry.sequence for entry in world.stage.cloud.world.requests)
    (again,) = world.promote()
    assert again.candidate.present
    assert world.stage.changes_since(before) == []


def test_base_weights_of_a_folder_are_there_too(tmp_path: Path) -> None:
    """Adapters are served over them."""
    own = MODEL.replace("baseModel: qwen3-1.7b", "baseModel: {path: base}")
    write_folder(tmp_path / "base")
    world = make_world(tmp_path, **{"model.yaml": own})
    world.staging.apply()
    world.promote()
    copies = [bases(environment) for environment in (world.staging, world.prod)]
    assert copies[0] == copies[1]
    assert any(name.endswith("/config.json") for name in copies[0])
    assert world.prod.apply().state is RunState.CONVERGED


def bases(environment: Environment) -> list[str]:
    project = environment.configuration().project
    listed = environment.client("s3").list_objects_v2(Bucket=project.bucket, Prefix=f"{project.name}/bases/")
    return [each["Key"].removeprefix(project.name) for each in listed.get("Contents", ())]


def test_a_copy_that_was_lost_is_made_again(world: World) -> None:
    world.staging.apply()
    (first,) = world.promote()
    world.prod.apply()
    assert first.copied is not None
    bucket, _, key = first.copied.artifact.identifier.removeprefix("s3://").partition("/")
    world.prod.client("s3").delete_object(Bucket=bucket, Key=key)
    (again,) = world.promote()
    assert again.copied is not None
    assert (again.copied.new, again.copied.sha256) == (True, first.copied.sha256)
    assert body(world.staging, world.staging.version()) == body(world.prod, world.prod.version())
    assert actions(world.prod.plan()) == []


def test_what_staging_has_deleted_since_stays_where_it_was_promoted_to(world: World) -> None:
    world.staging.apply()
    world.promote()
    world.staging.apply(destroy=True)
    (again,) = world.promote()
    assert (again.candidate.is_settled, again.copied) == (True, None)
    assert actions(world.prod.plan()) == [Action.DEPLOY]


def test_a_promoted_version_is_rolled_back_to_and_deleted_like_any_other(world: World) -> None:
    world.staging.apply()
    world.promote()
    world.prod.apply()
    world.stage.remove("model.yaml")
    assert world.prod.apply().state is RunState.CONVERGED
    assert world.prod.side().snapshot.models == ()
    assert world.staging.version().artifact is not None


def test_staging_must_have_trained_it(world: World) -> None:
    assert "not trained in staging" in world.refused()["not-trained"]


def test_the_fields_that_differ_are_named(world: World) -> None:
    world.staging.apply()
    text = (world.stage.root / "environments/prod.yaml").read_text()
    world.stage.write("environments/prod.yaml", f"{text}\n---\n{HEAD}spec: {{hyperparameters: {{epochs: 5}}}}\n")
    told = world.refused()
    assert "`spec.hyperparameters.epochs` is 2 in staging and 5 in prod" in told["promotion-differs"]


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_the_bounds_of_both_environments_hold(tmp_path: Path, name: str) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    text = (tmp_path / f"environments/{name}.yaml").read_text()
    bound = "spec: {promotion: [{metric: eval_loss, max: 0.0001}]}"
    world.stage.write(f"environments/{name}.yaml", f"{text}\n---\n{HEAD}{bound}\n".lstrip("\n-"))
    assert f"{name} asks of open-bot-{name}: eval_loss is" in world.refused()["promotion-gate"]


def test_a_stricter_bound_later_holds_a_promoted_version_back(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    world.promote()
    bound = "spec: {promotion: [{metric: eval_loss, max: 0.0001}]}"
    world.stage.write("environments/prod.yaml", f"{SAME_REGION}---\n{HEAD}{bound}\n")
    (change,) = world.prod.plan().pending
    assert change.stalled


def test_what_a_model_builds_on_goes_with_it(tmp_path: Path) -> None:
    world = make_world(tmp_path, **{"child.yaml": CHILD})
    world.staging.apply()
    assert [done.candidate.name for done in world.promote("child")] == ["open-bot", "child"]
    assert actions(world.prod.plan()) == [Action.DEPLOY]


def test_a_custom_model_of_bedrock_has_no_file(tmp_path: Path) -> None:
    world = make_world(tmp_path, **{"nova.yaml": BEDROCK})
    world.staging.apply()
    assert "nova-bot-staging is a custom model of Bedrock" in world.refused()["not-portable"]
    assert [done.candidate.name for done in world.promote("open-bot")] == ["open-bot"]


def test_names_are_the_manifests_or_the_environments(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    for name in ("open-bot", "open-bot-staging", "open-bot-prod", "FineTunedModel/open-bot"):
        assert [c.name for c in examine(world.staging.side(), world.prod.side(), [name])] == ["open-bot"]
    assert "has no model 'opn-bot'" in world.refused("opn-bot")["unknown-reference"]


def test_a_model_of_one_environment_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    trial = MODEL.replace("open-bot", "trial").replace("data.csv", "../data.csv")
    world.stage.write("environments/staging.yaml", trial)
    world.staging.apply()
    assert "prod has no model like it" in world.refused("trial")["not-in-environment"]
    assert [done.candidate.name for done in world.promote()] == ["open-bot"]


def test_one_name_in_one_region_is_refused(tmp_path: Path) -> None:
    plain = "apiVersion: reconciler/v1\nkind: Project\nspec: {nameSuffix: ''}\n"
    world = make_world(tmp_path, plain)
    world.stage.write("environments/staging.yaml", plain)
    world.staging.apply()
    assert "share account and region" in world.refused()["names-collide"]


def test_long_names_that_come_to_one_are_refused(tmp_path: Path) -> None:
    name = "b" * 54
    world = make_world(tmp_path, **{"model.yaml": MODEL.replace("open-bot", name)})
    assert "b-staging" in world.staging.configuration().models[0].name
    world.staging.apply()
    assert "share account and region" in world.refused()["names-collide"]


def test_the_locks_holder_goes_first(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    outside = world.prod.outside()
    outside.artifacts.prepare()
    lease = outside.lock.acquire("apply")
    with pytest.raises(LockHeld):
        world.promote()
    lease.release()
    world.promote()
    assert world.prod.lock_is_free()


@pytest.mark.parametrize("operation", ["s3:PutObject", "sagemaker:CreateModel"])
@pytest.mark.parametrize("kind", ["error", "lost-response", "error-after-effect"])
def test_a_promotion_that_was_cut_off_goes_on(tmp_path: Path, operation: str, kind: str) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    code = {"code": "InternalError"} if kind != "lost-response" else {}
    world.stage.fault(kind, operation, times=6, name=".*model.*|open-bot-prod.*", **code)
    with contextlib.suppress(CloudUnavailable):
        world.promote()
    assert world.stage.cloud.world.faults[0].times != 6
    world.stage.cloud.world.faults.clear()
    world.promote()
    assert actions(world.prod.plan()) == [Action.DEPLOY]
    assert world.stage.paid_jobs() == 1


Spoil = Callable[[Environment, str, str], Any]
SPOILED: dict[str, Spoil] = {
    "other bytes": lambda e, bucket, key: e.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x"),
    "gone": lambda e, bucket, key: e.client("s3").delete_object(Bucket=bucket, Key=key),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_copy_that_was_touched_is_made_again(tmp_path: Path, spoil: Spoil) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    (first,) = world.promote()
    assert first.copied is not None
    bucket, _, key = first.copied.artifact.identifier.removeprefix("s3://").partition("/")
    spoil(world.prod, bucket, key)
    source, target = world.staging.outside().artifacts, world.prod.outside().artifacts
    assert first.candidate.artifact is not None
    again = target.receive(
        first.candidate.target.name, first.candidate.target.fingerprint, first.candidate.artifact, source
    )
    assert again.new
    assert body(world.prod, world.prod.version()) == body(world.staging, world.staging.version())
    assert again.sha256 == first.copied.sha256


def test_what_is_there_unchanged_is_not_copied_again(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    (first,) = world.promote()
    it = first.candidate
    assert it.artifact is not None
    again = world.prod.outside().artifacts.receive(
        it.target.name, it.target.fingerprint, it.artifact, world.staging.outside().artifacts
    )
    assert not again.new


def test_a_deleted_artifact_is_told(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.staging.apply()
    source, target = world.staging.side(), world.prod.side()
    candidates = examine(source, target)
    assert candidates[0].artifact is not None
    bucket, _, key = candidates[0].artifact.identifier.removeprefix("s3://").partition("/")
    world.staging.client("s3").delete_object(Bucket=bucket, Key=key)
    with pytest.raises(CloudUnavailable, match="there is no s3://"):
        engine.promote(candidates, source, target)
