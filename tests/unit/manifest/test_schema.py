import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from reconciler.manifest.parse import parse
from reconciler.manifest.schema import schemas
from tests.unit.manifest.manifests import AWS, NOVA, PROJECT, QWEN, a_dataset, a_model, a_project

ROOT = Path(__file__).parents[3]


def validator(name: str) -> Draft7Validator:
    return Draft7Validator(json.loads(schemas()[name]))


def documents(text: str) -> list[Any]:
    return [document.value for document in parse(text, "f.yaml").documents]


@pytest.mark.parametrize("name", list(schemas()))
def test_the_folder_holds_what_is_generated(name: str) -> None:
    assert (ROOT / "schemas" / name).read_text() == schemas()[name], "run `make schemas`"


@pytest.mark.parametrize("name", list(schemas()))
def test_schemas_are_schemas(name: str) -> None:
    Draft7Validator.check_schema(json.loads(schemas()[name]))
    assert '"$defs"' not in schemas()[name]


@pytest.mark.parametrize(
    "manifest",
    [
        PROJECT,
        AWS,
        a_project("defaults: {resources: {maxRuntime: 6h}, deployment: {autoUndeploy: {after: 1h30m}}}"),
        a_dataset("d"),
        a_model(NOVA),
        a_model(
            QWEN
            + "hyperparameters: {learningRate: 2e-5, optional: {use_lora: true}}\npromotion: [{metric: eval_loss, max: 1}]"
        ),
        a_model("baseModel: {fineTunedModel: a}\ndataset: {training: a/b, validation: {split: 10%}}"),
        a_model(
            "baseModel: nova-lite\ndataset: {training: a/b, validation: none}\ndeployment: {throughput: {commitment: 1 month}}"
        ),
    ],
)
def test_good_manifests_pass(manifest: str) -> None:
    for document in documents(manifest):
        validator("manifest.schema.json").validate(document)


@pytest.mark.parametrize(
    "manifest",
    [
        "kind: Project\n",
        PROJECT.replace("v1", "v2"),
        PROJECT.replace("Project", "Projct"),
        a_project("defaults: {resources: {maxRuntime: 6}}"),
        a_project("clod: aws"),
        a_model(NOVA + "resources: {instanceType: g5}"),
        a_model(NOVA + "deployment: {onDemand: no}"),
        a_model(NOVA, name="my_bot"),
        a_model("baseModel: nova-lite\ndataset: {training: a/b, validation: {split: 10}}"),
    ],
)
def test_bad_manifests_do_not(manifest: str) -> None:
    assert any(not validator("manifest.schema.json").is_valid(document) for document in documents(manifest))


def test_every_example_passes() -> None:
    """Files that hold other things (data, expected plans) are no manifests."""
    schema = validator("manifest.schema.json")
    files = (file for file in (ROOT / "examples").glob("**/*.yaml") if file.parent.name != "environments")
    texts = (file.read_text() for file in files)
    manifests = [each for text in texts for each in documents(text) if isinstance(each, dict) and "apiVersion" in each]
    assert manifests
    for manifest in manifests:
        schema.validate(manifest)


OVERLAY = """\
apiVersion: reconciler/v1
kind: Project
spec: {region: us-west-2, nameSuffix: "", budget: {perTraining: null}}
---
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: bot, labels: {team: null}}
spec:
  promotion: [{metric: eval_loss, max: 1}]
  deployment: {instanceType: ml.g5.2xlarge, autoUndeploy: null}
---
apiVersion: reconciler/v1
kind: Dataset
metadata: {name: orders}
spec: {description: of prod}
"""


def test_an_environment_says_only_what_is_otherwise() -> None:
    for document in documents(OVERLAY):
        validator("environment.schema.json").validate(document)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("region: us-west-2", "region: [us-west-2]"),
        ("region: us-west-2", "reigon: us-west-2"),
        ("kind: Dataset", "kind: Datasets"),
        ("{name: orders}", "{name: null}"),
        ("{metric: eval_loss, max: 1}", "{max: 1}"),
    ],
)
def test_what_it_says_has_the_right_shape(good: str, bad: str) -> None:
    assert good in OVERLAY
    checked = [validator("environment.schema.json").is_valid(each) for each in documents(OVERLAY.replace(good, bad, 1))]
    assert checked.count(False) == 1


def test_every_environment_of_the_examples_passes() -> None:
    for file in (ROOT / "examples").glob("*/environments/*.yaml"):
        for document in documents(file.read_text()):
            validator("environment.schema.json").validate(document)
