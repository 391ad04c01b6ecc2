from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconciler.domain.desired import DeploymentKind, Origin
from reconciler.manifest.load import SourceFile, load
from tests.unit.manifest.fake_catalog import FakeCatalog
from tests.unit.manifest.manifests import (
    AWS,
    NOVA,
    PROJECT,
    QWEN,
    QWEN_VALIDATED,
    a_dataset,
    a_model,
    a_project,
    configuration,
    loaded,
    resolved,
    told,
)


def optional(json: str) -> dict[str, Any]:
    return resolved(a_model(QWEN + f"hyperparameters: {{optional: {json}}}")).hyperparameters.optional


def test_what_is_left_out_on_sagemaker() -> None:
    model = resolved(a_model(QWEN))
    assert model.resources is not None
    assert model.resources.instance_type == "ml.g5.2xlarge"
    assert model.resources.instance_count == 1
    assert model.resources.volume_size_gb == 100
    assert model.resources.max_runtime == timedelta(hours=24)
    assert not model.resources.spot
    assert (model.hyperparameters.epochs, model.hyperparameters.learning_rate) == (3, Decimal("2e-5"))
    assert (model.hyperparameters.batch_size, model.hyperparameters.warmup_steps) == (4, 0)
    assert model.hyperparameters.early_stopping_patience is None
    assert (model.revision, model.keep_versions, model.training_retries) == (1, 1, 1)
    assert (model.prevent_destroy, model.deletion_policy, model.training_stopped) == (False, "delete", False)
    assert model.validation.source is None
    assert model.validation.split_percent is None
    assert not model.deployment.deployed
    assert model.deployment.kind is DeploymentKind.REAL_TIME
    assert model.deployment.instance_type == "ml.g5.2xlarge"
    assert model.deployment.instance_count is None


def test_what_is_left_out_on_bedrock() -> None:
    model = resolved(a_model(NOVA))
    assert model.resources is None
    assert model.hyperparameters.epochs == 2
    assert model.hyperparameters.batch_size is None
    assert model.deployment.kind is DeploymentKind.PROVISIONED
    assert (model.deployment.model_units, model.deployment.commitment) == (1, "none")
    assert model.deployment.instance_type is None


def test_the_base_models_own_hosting_type_stands_before_the_table() -> None:
    llama = "baseModel: llama-3.1-8b-instruct\nprovider: sagemaker\ndataset: {training: a/b}\n"
    assert resolved(a_model(llama)).deployment.instance_type == "ml.g5.4xlarge"


def test_on_demand() -> None:
    deployment = resolved(a_model(NOVA + "deployment: {onDemand: true, state: deployed}")).deployment
    assert deployment.kind is DeploymentKind.ON_DEMAND
    assert deployment.deployed
    assert deployment.model_units is None


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        ("{use_lora: true}", {"use_lora": True, "lora_config": {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0}}),
        ("{use_lora: 'true'}", {"use_lora": True, "lora_config": {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0}}),
        (
            "{use_lora: true, lora_config: {alpha: 16}}",
            {"use_lora": True, "lora_config": {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0}},
        ),
        (
            "{use_lora: true, lora_config: {r: 4, dropout: 0.1, target_modules: [q_proj]}}",
            {
                "use_lora": True,
                "lora_config": {"r": 4, "lora_alpha": 8, "lora_dropout": 0.1, "target_modules": ["q_proj"]},
            },
        ),
        ("{use_lora: false}", {"use_lora": False}),
        ("{seed: 7, sft_config: {packing: 'False'}}", {"seed": 7, "sft_config": {"packing": False}}),
        (
            "{use_lora: ' True', merge_adapters: '\"false\"', load_in_4bit: ' false '}",
            {
                "use_lora": True,
                "merge_adapters": False,
                "load_in_4bit": False,
                "lora_config": {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0},
            },
        ),
        (
            '{use_lora: true, lora_config: \'{"r": 4, "alpha": 2}\'}',
            {"use_lora": True, "lora_config": {"r": 4, "lora_alpha": 2, "lora_dropout": 0.0}},
        ),
    ],
)
def test_optional_hyperparameters_are_completed_in_one_spelling(json: str, expected: dict[str, Any]) -> None:
    assert optional(json) == expected


def test_early_stopping_given_in_part_is_completed() -> None:
    model = resolved(a_model(QWEN_VALIDATED + "hyperparameters: {earlyStopping: {threshold: 0.01}}"))
    assert model.hyperparameters.early_stopping_patience == 3
    assert model.hyperparameters.early_stopping_threshold == Decimal("0.01")


def test_early_stopping_of_a_bedrock_model_that_has_it() -> None:
    spec = "baseModel: cohere-command\ndataset: {training: a/b, validation: {split: 10%}}\n"
    model = resolved(a_model(spec))
    assert model.hyperparameters.early_stopping_patience == 6
    assert model.validation.split_percent == 10


def test_equal_undeploy_rules_serialise_equally() -> None:
    def rule(text: str) -> str:
        model = resolved(a_model(NOVA + f"deployment: {{autoUndeploy: {{{text}}}}}"))
        assert model.deployment.undeploy is not None
        return model.deployment.undeploy.model_dump_json()

    assert rule("hours: 'Mon,Tue,Wed,Thu,Fri 08:00-20:00'") == rule("hours: mon-fri 08:00 - 20:00, timezone: UTC")
    assert rule("at: '2026-12-24T18:00:00+01:00'") == rule("at: '2026-12-24T17:00:00Z'")
    assert rule("after: 90m") == rule("after: 1h30m")


# the Project's defaults


DEFAULTS = a_project(
    """
    defaults:
      provider: sagemaker
      resources: {instanceType: ml.g5.12xlarge, maxRuntime: 6h}
      hyperparameters: {epochs: 4, batchSize: 2, optional: {use_lora: true, lora_config: {alpha: 32}}}
      deployment: {state: deployed, throughput: {modelUnits: 2}, autoUndeploy: {after: 8h}}
      lifecycle: {preventDestroy: true}
    """
)


def test_a_model_inherits_what_it_leaves_out() -> None:
    model = resolved(a_model(QWEN + "hyperparameters: {epochs: 5}\nresources: {spot: true}\n"), project=DEFAULTS)
    assert model.resources is not None
    assert (model.resources.instance_type, model.resources.spot) == ("ml.g5.12xlarge", True)
    assert (model.hyperparameters.epochs, model.hyperparameters.batch_size) == (5, 2)
    assert model.prevent_destroy
    assert model.origins["spec.hyperparameters.epochs"] is Origin.MANIFEST
    assert model.origins["spec.hyperparameters.batchSize"] is Origin.PROJECT
    assert model.origins["spec.resources.volumeSizeGB"] is Origin.DEFAULT
    assert model.origins["spec.hyperparameters.optional.lora_config.lora_alpha"] is Origin.PROJECT
    assert model.origins["spec.hyperparameters.optional.lora_config.r"] is Origin.DEFAULT


def test_defaults_that_the_provider_does_not_have_are_left_out() -> None:
    model = resolved(a_model(NOVA), project=DEFAULTS)
    assert model.resources is None
    assert model.hyperparameters.optional == {}
    assert model.hyperparameters.batch_size is None
    assert model.deployment.model_units == 2
    assert model.deployment.deployed


def test_choices_are_inherited_whole_or_not_at_all() -> None:
    spec = "deployment: {onDemand: true, autoUndeploy: {hours: 'Mon 08:00-20:00'}}"
    deployment = resolved(a_model(NOVA + spec), project=DEFAULTS).deployment
    assert deployment.kind is DeploymentKind.ON_DEMAND
    assert deployment.undeploy is not None
    assert deployment.undeploy.after is None


def test_spellings_meet_across_the_merge() -> None:
    model = resolved(a_model(QWEN + "hyperparameters: {optional: {lora_config: {lora_alpha: 4}}}"), project=DEFAULTS)
    assert model.hyperparameters.optional["lora_config"] == {"r": 8, "lora_alpha": 4, "lora_dropout": 0.0}


def test_a_default_provider_settles_a_choice() -> None:
    model = resolved(a_model("baseModel: llama-3.1-8b-instruct\ndataset: {training: a/b}\n"), project=DEFAULTS)
    assert model.provider == "sagemaker"


def test_data_and_base_model_may_be_defaults() -> None:
    project = a_project("defaults: {baseModel: nova-lite, dataset: {training: data/a.csv}}")
    assert (
        resolved("apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {name: bot}\n", project=project).base_model
        == "nova-lite"
    )


def test_a_wrong_default_is_told_once_and_in_the_project() -> None:
    project = a_project("defaults: {hyperparameters: {epochs: 9}}")
    result = loaded(a_model(NOVA, name="a"), a_model(NOVA, name="b"), a_model(QWEN, name="c"), project=project)
    assert told(result) == ["reconciler.yaml:5:40 hyperparameter-out-of-range"]


# references, order, digest


def test_datasets_by_name_and_by_path() -> None:
    spec = "baseModel: nova-lite\ndataset: {training: support, validation: {dataset: s3://bucket/v.jsonl}}\n"
    model = resolved(a_model(spec), a_dataset("support"))
    assert (model.training_data.name, model.training_data.uri) == ("support", "data/support.csv")
    assert model.validation.source is not None
    assert (model.validation.source.name, model.validation.source.is_s3) == (None, True)


def test_paths_count_from_the_manifests_folder() -> None:
    files = [
        SourceFile(path="reconciler.yaml", text=PROJECT),
        SourceFile(path="teams/a/bot.yaml", text=a_model("baseModel: nova-lite\ndataset: {training: ../data/a.csv}\n")),
    ]
    for root, uri in ((None, "teams/data/a.csv"), ("/home/me/tree", "/home/me/tree/teams/data/a.csv")):
        result = load(files, FakeCatalog(), root=root)
        assert result.configuration is not None
        assert result.configuration.models[0].training_data.uri == uri


def test_the_digest_does_not_depend_on_where_the_checkout_lies() -> None:
    def digest(root: str) -> str:
        files = [SourceFile(path="reconciler.yaml", text=PROJECT), SourceFile(path="bot.yaml", text=a_model(NOVA))]
        result = load(files, FakeCatalog(), root=root)
        assert result.configuration is not None
        return result.configuration.digest

    assert digest("/home/a/project") == digest("/builds/b")


def test_parents_come_before_children_and_hand_down_base_and_provider() -> None:
    def child(name: str, parent: str) -> str:
        return a_model(f"baseModel: {{fineTunedModel: {parent}}}\ndataset: {{training: a/b}}\n", name=name)

    models = configuration(child("a", "b"), child("b", "z"), a_model(QWEN, name="z"), a_model(NOVA, name="m")).models
    assert [model.name for model in models] == ["m", "z", "b", "a"]
    assert {model.base_model for model in models if model.name != "m"} == {"qwen-2.5-7b-instruct"}
    assert models[-1].parent == "b"
    assert models[-1].provider == "sagemaker"


def test_the_digest_is_one_for_equal_meaning() -> None:
    plain = configuration(a_model(NOVA, name="a"), a_model(QWEN, name="b")).digest
    spelled_out = a_model(
        NOVA.replace("nova-lite", "'nova-lite'") + "revision: 1\nhyperparameters: {epochs: 2}\n", name="a"
    )
    assert configuration("# moved\n" + a_model(QWEN, name="b"), spelled_out).digest == plain
    assert configuration(a_model(NOVA + "revision: 2", name="a"), a_model(QWEN, name="b")).digest != plain


def test_the_embedded_cloud_needs_no_bucket_and_no_roles() -> None:
    project = configuration(a_model(NOVA), project=PROJECT.replace("acme", "Acme-LLMs")).project
    assert project.bucket == "acme-llms-artifacts"
    assert project.roles.bedrock == "arn:aws:iam::123456789012:role/Acme-LLMs-bedrock"
    assert configuration(a_model(NOVA), project=AWS).project.bucket == "acme-artifacts"


def test_a_written_null_counts_as_left_out() -> None:
    assert resolved(a_model(NOVA + "resources:\nhyperparameters: {epochs: null}\n")).hyperparameters.epochs == 2


def with_dataset(validation: str, spec: str = "") -> Any:
    dataset = f"apiVersion: reconciler/v1\nkind: Dataset\nmetadata: {{name: a}}\nspec: {{source: data/a.csv, validation: {validation}}}\n"
    model = f"baseModel: nova-lite\ndataset: {{training: a{spec}}}\n"
    return resolved(a_model(model), dataset)


def test_a_dataset_s_own_validation_is_that_of_models_that_say_nothing() -> None:
    assert with_dataset("{split: 20%}").validation.split_percent == 20
    assert with_dataset("{split: 20%}", ", validation: none").validation.split_percent is None
    assert with_dataset("{split: 20%}", ", validation: {split: 5%}").validation.split_percent == 5
    source = with_dataset("{dataset: data/held.csv}").validation.source
    assert source is not None
    assert source.uri.endswith("data/held.csv")
    assert with_dataset("{split: 20%}").origins["spec.dataset.validation"] is Origin.MANIFEST
