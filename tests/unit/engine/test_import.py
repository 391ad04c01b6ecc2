"""What was made by hand is adopted by its tags: nothing is trained, rolled or renamed, and the next plan is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.catalog import load as load_catalog
from reconciler.domain.catalog import ProviderName
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.outcome import OutcomeState
from reconciler.domain.survey import IMPORTABLE, Importable, ResourceKind
from reconciler.engine.importing import adopt, importable, wanted
from reconciler.engine.outside import RunSettings
from reconciler.engine.reconverge import RunState
from reconciler.manifest.imported import Wishes, base_model, manifest_text, model_name
from tests.stage import Stage
from tests.unit.engine import adoption


def look(stage: Stage, kind: ResourceKind, name: str) -> Importable:
    return stage.outside().surveyors[IMPORTABLE[kind]].look(kind, name)


def brought_in(stage: Stage, kind: ResourceKind, name: str, wishes: Wishes = Wishes()) -> str:  # noqa: B008
    """As the command does it; the model's name."""
    found = look(stage, kind, name)
    called = model_name(found, wishes.name)
    importable(found, "stage", called)
    base = base_model(found, load_catalog(), wishes.base_model)
    stage.write(f"{called}.yaml", manifest_text(found, called, base, wishes))
    adopted(stage, found, called)
    return called


def adopted(stage: Stage, found: Importable, called: str) -> None:
    configuration, outside = stage.configuration(), stage.outside()
    outcome = adopt(configuration, outside, found, wanted(configuration, outside, called), RunSettings())
    assert outcome.state is OutcomeState.DONE, outcome


def test_a_training_job(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_training(stage)
    before, paid = stage.contents(), stage.paid_jobs()
    assert brought_in(stage, ResourceKind.TRAINING_JOB, "my-old-job") == "my-old-job"
    assert stage.plan().pending == ()
    assert stage.apply().performed == ()
    assert (stage.contents(), stage.paid_jobs()) == (before, paid)
    text = (tmp_path / "my-old-job.yaml").read_text()
    for line in ("baseModel: qwen3-1.7b", "epochs: 2", "volumeSizeGB: 77", "maxRuntime: 2h", "use_lora: true"):
        assert line in text
    assert "training: s3://their-bucket/data/train.jsonl" in text


def test_settings_of_another_training_program_stand_in_a_comment(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    theirs = {"lora_r": "16", "packing": "true\nspec: {}", "run name": "a\x1b[2Jb", "use_lora": "true"}
    adoption.their_training(stage, hyperparameters=adoption.QWEN | theirs)
    brought_in(stage, ResourceKind.TRAINING_JOB, "my-old-job")
    assert stage.plan().pending == ()
    text = (tmp_path / "my-old-job.yaml").read_text()
    assert (
        "# Recorded, and not to be said in a manifest: lora_r=16, packing=true spec: {}, run name=a\\u001b[2Jb.\n"
        in text
    )
    assert "optional:\n      use_lora: true\n" in text


def test_whether_somebody_calls_an_imported_endpoint_is_known(tmp_path: Path) -> None:
    """Its variant has the name that somebody gave it."""
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    brought_in(stage, ResourceKind.ENDPOINT, "prod-llm")
    observed = stage.propose().snapshot.model("prod-llm", ProviderName.SAGEMAKER)
    assert observed is not None
    assert (observed.last_invoked_at, observed.counted_since is None) == (None, False)
    stage.client("sagemaker-runtime").invoke_endpoint(EndpointName="prod-llm", Body=b'{"inputs": "Hello?"}')
    stage.cloud.advance(600)
    observed = stage.propose().snapshot.model("prod-llm", ProviderName.SAGEMAKER)
    assert observed is not None
    assert observed.last_invoked_at is not None


def test_an_endpoint_with_everything_behind_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    before = stage.contents()
    assert brought_in(stage, ResourceKind.ENDPOINT, "prod-llm") == "prod-llm"
    assert stage.plan().pending == ()
    assert stage.contents() == before
    observed = stage.propose().snapshot.model("prod-llm", ProviderName.SAGEMAKER)
    assert observed is not None
    assert observed.prevent_destroy
    (deployment,) = observed.deployments
    assert deployment.fingerprint == observed.versions[0].fingerprint
    assert (deployment.rolled_back, deployment.instance_count) == (False, 2)


@pytest.mark.parametrize("deployed", [None, "answers"])
def test_a_custom_model(deployed: str | None, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_custom_model(stage, deployed=deployed)
    before, paid = stage.contents(), stage.paid_jobs()
    wishes = Wishes(training="data.csv")
    assert brought_in(stage, ResourceKind.CUSTOM_MODEL, "their-nova", wishes) == (deployed or "their-nova")
    assert stage.plan().pending == ()
    assert (stage.contents(), stage.paid_jobs()) == (before, paid)


def test_a_custom_model_may_be_imported_once_more(tmp_path: Path) -> None:
    """Its job, which has another name, was tagged before the import was cut off."""
    stage = Stage(tmp_path)
    adoption.their_custom_model(stage)
    name = brought_in(stage, ResourceKind.CUSTOM_MODEL, "their-nova", Wishes(training="data.csv"))
    adopted(stage, look(stage, ResourceKind.CUSTOM_MODEL, "their-nova"), name)
    assert stage.plan().pending == ()


def test_a_changed_manifest_trains_a_new_version_and_rolls_the_same_endpoint(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    brought_in(stage, ResourceKind.ENDPOINT, "prod-llm")
    stage.edit("prod-llm.yaml", "epochs: 2", "epochs: 4")
    run = stage.apply()
    assert run.state is RunState.CONVERGED
    assert [str(each.change.action) for each in run.performed] == ["train", "roll"]
    there = stage.contents()
    assert [*there["endpoints"]] == ["prod-llm"]
    assert there["endpoints"]["prod-llm"][1].startswith("prod-llm-")
    assert "my-old-job" in there["training jobs"]


def test_what_was_imported_is_not_destroyed_with_its_manifest(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    brought_in(stage, ResourceKind.ENDPOINT, "prod-llm")
    stage.remove("prod-llm.yaml")
    plan = stage.plan()
    assert not plan.can_apply
    assert "prevent-destroy" in {problem.code for problem in plan.diagnostics if problem.is_error}


def test_an_import_may_be_repeated_after_a_call_was_lost(tmp_path: Path) -> None:
    stage = Stage(tmp_path, attempts=1)
    adoption.their_endpoint(stage)
    found = look(stage, ResourceKind.ENDPOINT, "prod-llm")
    stage.write("prod-llm.yaml", manifest_text(found, "prod-llm", base_model(found, load_catalog(), None), Wishes()))
    stage.fault("error", "sagemaker:AddTags", name=".*prod-llm", code="AccessDeniedException")
    configuration, outside = stage.configuration(), stage.outside()
    model = wanted(configuration, outside, "prod-llm")
    assert adopt(configuration, outside, found, model, RunSettings()).state is OutcomeState.FAILED
    assert stage.lock_is_free()
    stage.cloud.world.faults.clear()
    adopted(stage, look(stage, ResourceKind.ENDPOINT, "prod-llm"), "prod-llm")
    assert stage.plan().pending == ()


def test_what_belongs_to_somebody_is_not_imported(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_training(stage)
    arn = look(stage, ResourceKind.TRAINING_JOB, "my-old-job").found.identifier
    owner = [{"Key": "reconciler:project", "Value": "other"}, {"Key": "reconciler:model", "Value": "bot"}]
    stage.client("sagemaker").add_tags(ResourceArn=arn, Tags=owner)
    with pytest.raises(ReconcilerError, match="belongs to bot of project other"):
        importable(look(stage, ResourceKind.TRAINING_JOB, "my-old-job"), "stage", "my-old-job")


def test_clients_keep_the_name(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    with pytest.raises(ReconcilerError, match="serves under the name prod-llm"):
        model_name(look(stage, ResourceKind.ENDPOINT, "prod-llm"), "other-name")


def test_a_base_model_that_nobody_recorded_is_asked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_training(stage, hyperparameters={"epochs": "1", "warmup_ratio": "0.1"})
    found = look(stage, ResourceKind.TRAINING_JOB, "my-old-job")
    with pytest.raises(ReconcilerError, match="base model of my-old-job cannot be told"):
        base_model(found, load_catalog(), None)
    base = base_model(found, load_catalog(), "qwen3-1.7b")
    text = manifest_text(found, "x", base, Wishes())
    assert "# Recorded, and not to be said in a manifest: warmup_ratio=0.1." in text


@pytest.mark.parametrize("kind", IMPORTABLE)
def test_what_is_not_there(kind: ResourceKind, tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="there is no"):
        look(Stage(tmp_path), kind, "nothing")


def test_everything_is_found_page_by_page_with_its_owner(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    for number in range(3):
        adoption.their_training(stage, f"job-{number}")
    adoption.their_custom_model(stage, deployed="answers")
    outside = stage.outside()
    found = {one.address: one for each in outside.surveyors.values() for one in each.survey()}
    assert set(found) == {
        *(f"training-job/job-{number}" for number in range(3)),
        "custom-model/their-nova",
        "custom-model-deployment/answers",
    }
    assert found["training-job/job-0"].base == "Qwen/Qwen3-1.7B"
    assert all(one.owner is None for one in found.values())
    assert {one.provider for one in found.values()} == {*ProviderName}


@pytest.mark.parametrize(
    ("variants", "artifact", "told"),
    [(2, None, "2 production variants"), (1, "s3://their-bucket/copied/model.tar.gz", "which no training job writes")],
)
def test_an_endpoint_that_cannot_be_told_by_one_training(
    variants: int, artifact: str | None, told: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    address = adoption.their_training(stage)
    sagemaker = stage.client("sagemaker")
    if artifact:
        stage.client("s3").put_object(Bucket=adoption.BUCKET, Key="copied/model.tar.gz", Body=b"copied")
    container = {"Image": "their/serving", "ModelDataUrl": artifact or address}
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=adoption.ROLE)
    each = {"ModelName": "m", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    listed = [{"VariantName": f"v{number}"} | each for number in range(variants)]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=listed)
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    adoption.until_settled(stage)
    with pytest.raises(ReconcilerError, match=told):
        look(stage, ResourceKind.ENDPOINT, "e")


def test_a_serverless_endpoint_would_be_rolled_to_instances(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    container = {"Image": "their/serving", "ModelDataUrl": adoption.their_training(stage)}
    sagemaker = stage.client("sagemaker")
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=adoption.ROLE)
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    variant = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": serverless}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    adoption.until_settled(stage)
    with pytest.raises(ReconcilerError, match="is serverless"):
        look(stage, ResourceKind.ENDPOINT, "e")
