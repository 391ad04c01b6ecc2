"""What the Project's defaults get wrong is told where they stand, with a model that inherits it beside."""

from __future__ import annotations

import pytest

from tests.unit.manifest.manifests import NOVA, QWEN, a_model, a_project, loaded, told

# `a_project` puts `spec:` into line 4; the first of the defaults begins in line 6, column 5.


@pytest.mark.parametrize(
    ("defaults", "model", "expected"),
    [
        ("baseModel: qwen-2.5-7b-instrct", "dataset: {training: a/b}", "6:16 unknown-base-model"),
        ("baseModel: llama-3.1-8b-instruct", "dataset: {training: a/b}", "6:16 provider-needed"),
        ("baseModel: {fineTunedModel: nobody}", "dataset: {training: a/b}", "6:33 unknown-reference"),
        ("baseModel: {fineTunedModel: bot}", "dataset: {training: a/b}", "6:16 cyclic-reference"),
        ("dataset: {training: suport}", "baseModel: nova-lite", "6:25 unknown-reference"),
        ("resources: {instanceType: ml.g5.12xlrge}", QWEN, "6:31 unknown-instance-type"),
        ("hyperparameters: {learningRate: 1}", NOVA, "6:37 hyperparameter-out-of-range"),
        ("hyperparameters: {optional: {lr: 1}}", QWEN, "6:38 reserved-optional-hyperparameter"),
        (
            "hyperparameters: {optional: {use_lora: true, lora_config: {dropout: 1}}}",
            QWEN + "hyperparameters: {epochs: 2}",
            "6:73 invalid-lora",
        ),
    ],
)
def test_the_place_is_the_projects(defaults: str, model: str, expected: str) -> None:
    result = loaded(a_model(model), project=a_project(f"defaults:\n  {defaults}\n"))
    assert told(result) == [f"reconciler.yaml:{expected}"]


def test_the_inheriting_model_stands_beside() -> None:
    result = loaded(
        a_model("dataset: {training: a/b}"), project=a_project("defaults:\n  baseModel: qwen-2.5-7b-instrct\n")
    )
    (problem,) = result.diagnostics
    assert problem.address == "FineTunedModel/bot"
    assert [str(place) for place in problem.related] == ["1.yaml:3:18"]


def test_the_models_own_value_is_told_at_the_model() -> None:
    project = a_project("defaults:\n  baseModel: qwen-2.5-7b-instruct\n")
    assert told(loaded(a_model("baseModel: nova-lit\ndataset: {training: a/b}"), project=project)) == [
        "1.yaml:5:14 unknown-base-model"
    ]


def test_a_mistyped_default_is_not_missed_in_the_models() -> None:
    project = a_project("defaults:\n  baseModel: 7\n")
    assert told(loaded(a_model("dataset: {training: a/b}"), project=project)) == ["reconciler.yaml:6:16 wrong-type"]


def test_another_spelling_of_a_lora_setting_is_told_where_it_stands() -> None:
    lora = "hyperparameters:\n  optional: {use_lora: true, lora_config: {alpha: -1}}\n"
    assert told(loaded(a_model(QWEN + lora))) == ["1.yaml:8:53 invalid-lora"]
