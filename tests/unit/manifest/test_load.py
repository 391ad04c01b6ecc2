"""One row a rule: the manifest, where the problem is told, and by which code."""

from __future__ import annotations

import time

import pytest

from tests.unit.manifest.manifests import (
    AWS,
    NOVA,
    PROJECT,
    QWEN,
    QWEN_VALIDATED,
    a_dataset,
    a_model,
    a_project,
    loaded,
    told,
)

LLAMA = "baseModel: llama-3.1-8b-instruct\nprovider: sagemaker\ndataset: {training: data/a.csv}\n"


def optional(json: str) -> str:
    return a_model(QWEN + f"hyperparameters:\n  optional: {json}\n")


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        # shape
        ("- a\n", "1:1 not-a-mapping"),
        ("just text\n", "1:1 not-a-mapping"),
        (a_model(NOVA).replace("reconciler/v1", "reconciler/v2"), "1:13 unknown-api-version"),
        ("apiVersion: reconciler/v1\nkind: Datset\n", "2:7 unknown-kind"),
        ("apiVersion: reconciler/v1\nkind: Dataset\nmetadata: {name: d}\n", "1:1 missing-field"),
        (a_model(NOVA + "revison: 2"), "7:3 unknown-field"),
        (a_model(NOVA + "revision: two"), "7:13 wrong-type"),
        (a_model(NOVA + 'revision: "2"'), "7:13 wrong-type"),
        (a_model(NOVA + "revision: true"), "7:13 wrong-type"),
        (a_model(NOVA + "revision: 0"), "7:13 out-of-range"),
        (a_model(NOVA + "deployment: {onDemand: no}"), "7:26 wrong-type"),
        (a_model(NOVA + "deployment: {state: deployd}"), "7:23 invalid-value"),
        (a_model(NOVA + "deployment: {idle: 8}"), "7:22 invalid-value"),
        (a_model(QWEN + "resources: {maxRuntime: 2 days}"), "7:27 invalid-value"),
        (a_model(QWEN + "resources: {volumeSizeGB: 20000}"), "7:29 out-of-range"),
        (a_model(QWEN + "training: {state: paused}"), "7:21 invalid-value"),
        (a_model("baseModel: nova-lite\ndataset: {training: 7}"), "6:23 wrong-type"),
        (a_model("baseModel: nova-lite\ndataset: {training: a/b, validation: {split: 100%}}"), "6:48 invalid-value"),
        (
            a_model("baseModel: nova-lite\ndataset: {training: a/b, validation: {split: 10%, dataset: x}}"),
            "6:53 unknown-field",
        ),
        # names
        (a_model(NOVA, name="my_bot"), "3:18 invalid-name"),
        (a_model(NOVA, name="a--b"), "3:18 invalid-name"),
        (a_model(NOVA, name="-a"), "3:18 invalid-name"),
        (a_model(NOVA, name="böt"), "3:18 invalid-name"),
        (a_model(NOVA, name="'bot\n\n  '"), "3:18 invalid-name"),
        (a_model(NOVA, name="a" * 64), "3:18 invalid-name"),
        (a_model(NOVA, name="12"), "3:18 wrong-type"),
        (a_model(NOVA, metadata=", labels: {'a*b': x}"), "3:39 invalid-label"),
        (a_model(NOVA, metadata=", labels: {a: 'x*y'}"), "3:35 invalid-label"),
        (a_model(NOVA, metadata=", labels: {'aws:x': y}"), "3:41 invalid-label"),
        (a_model(NOVA, metadata=", renamedFrom: bot"), "3:36 invalid-rename"),
        # base model
        (a_model("dataset: {training: data/a.csv}"), "5:3 missing-field"),
        (a_model("baseModel: nova-lite"), "5:3 missing-field"),
        (a_model("baseModel: nova-light\ndataset: {training: a/b}"), "5:14 unknown-base-model"),
        (a_model("baseModel: llama-3.1-8b\ndataset: {training: a/b}"), "5:14 not-instruct-model"),
        (a_model("baseModel: llama-3.1-8b-instruct\ndataset: {training: a/b}"), "5:14 provider-needed"),
        (a_model(NOVA + "provider: sagemaker"), "7:13 provider-unavailable"),
        (a_model("baseModel: {fineTunedModel: bott}\ndataset: {training: a/b}"), "5:31 unknown-reference"),
        (a_model("baseModel: {fineTunedModel: bot}\ndataset: {training: a/b}"), "5:14 cyclic-reference"),
        # data
        (a_model("baseModel: nova-lite\ndataset: {training: suport}"), "6:23 unknown-reference"),
        (a_model("baseModel: nova-lite\ndataset: {training: ../a.csv}"), "6:23 path-outside-project"),
        (a_model("baseModel: nova-lite\ndataset: {training: /etc/passwd}"), "6:23 path-outside-project"),
        (a_model("baseModel: nova-lite\ndataset: {training: 'data\\a.csv'}"), "6:23 invalid-data-source"),
        (a_model("baseModel: nova-lite\ndataset: {training: 's3://b'}"), "6:23 invalid-data-source"),
        (a_model("baseModel: nova-lite\ndataset: {training: 's3://bucket/'}"), "6:23 invalid-data-source"),
        (a_model("baseModel: nova-lite\ndataset: {training: 'https://x.org/a.csv'}"), "6:23 invalid-data-source"),
        (a_dataset("d", "../../a.csv"), "4:16 path-outside-project"),
        (
            a_model("baseModel: nova-lite\ndataset: {training: a/b, validation: {dataset: ./a/b}}"),
            "6:40 validation-is-training-data",
        ),
        # hyperparameters
        (a_model(NOVA + "hyperparameters: {epochs: 6}"), "7:29 hyperparameter-out-of-range"),
        (a_model(NOVA + "hyperparameters: {learningRate: 2e-3}"), "7:35 hyperparameter-out-of-range"),
        (a_model(QWEN + "hyperparameters: {learningRate: 0}"), "7:35 out-of-range"),
        (a_model(NOVA + "hyperparameters: {batchSize: 4}"), "7:32 unsupported-hyperparameter"),
        (a_model(QWEN + "hyperparameters: {earlyStopping: {patience: 3}}"), "7:36 early-stopping-needs-validation"),
        # optional
        (optional("{epochs: 3}"), "8:24 reserved-optional-hyperparameter"),
        (optional("{sft_config: {num_train_epochs: 3}}"), "8:47 reserved-optional-hyperparameter"),
        (optional("{model_init_config: {a: [{b: {LearningRate: 1}}]}}"), "8:59 reserved-optional-hyperparameter"),
        (optional("{per_device_train_batch_size: 3}"), "8:45 reserved-optional-hyperparameter"),
        (optional("{Early-Stopping-Patience: 3}"), "8:41 reserved-optional-hyperparameter"),
        (optional("{use_lora: true, lora_config: {alpha: 8, lora_alpha: 8}}"), "8:53 conflicting-spellings"),
        (optional("{sft_config.learning_rate: 1}"), "8:42 reserved-optional-hyperparameter"),
        (optional("{sft_config: '{\"learning_rate\": 1}'}"), "8:28 reserved-optional-hyperparameter"),
        (optional("{sft_config: '{\"learning_rate\": '}"), "8:28 invalid-trainer-setting"),
        (optional("{use_lora: maybe}"), "8:26 invalid-lora"),
        (optional("{use_lora: true, lora_config: 8}"), "8:45 invalid-lora"),
        (optional("{use_lora: true, lora_config: {r: 0}}"), "8:49 invalid-lora"),
        (optional("{use_lora: true, lora_config: {dropout: 1.5}}"), "8:55 invalid-lora"),
        (optional("{model_init_config: {x: " + "y" * 2501 + "}}"), "8:35 hyperparameters-too-large"),
        # resources
        (a_model(NOVA + "resources: {instanceType: ml.g5.2xlarge}"), "7:14 field-of-other-provider"),
        (a_model(NOVA + "deployment: {instanceCount: 2}"), "7:31 field-of-other-provider"),
        (a_model(NOVA + "hyperparameters: {optional: {a: 1}}"), "7:31 field-of-other-provider"),
        (a_model(QWEN + "deployment: {throughput: {modelUnits: 1}}"), "7:28 field-of-other-provider"),
        (a_model(QWEN + "deployment: {onDemand: true}"), "7:26 field-of-other-provider"),
        (a_model(QWEN + "resources: {instanceType: ml.g5.12xlarg}"), "7:29 unknown-instance-type"),
        (a_model(QWEN + "resources: {instanceType: g5.12xlarge}"), "7:29 unknown-instance-type"),
        (a_model(QWEN + "resources: {instanceType: ml.inf2.xlarge}"), "7:29 instance-type-not-usable"),
        (a_model(QWEN + "deployment: {instanceType: ml.p3.2xlarge}"), "7:30 instance-type-not-usable"),
        (a_model(QWEN + "deployment: {instanceType: auto}"), "7:30 unknown-instance-type"),
        (
            a_model(
                QWEN
                + "resources: {instanceType: ml.g5.2xlarge, fallbackInstanceTypes: [ml.g6.12xlarge, ml.g5.2xlarge]}"
            ),
            "7:84 repeated-fallback",
        ),
        (a_model(QWEN + "resources: {maxRuntime: 29d}"), "7:27 out-of-range"),
        (a_model(QWEN + "resources: {maxRuntime: 0s}"), "7:27 out-of-range"),
        # promotion
        (a_model(QWEN_VALIDATED + "promotion: [{metric: eval_loss}]"), "7:15 invalid-promotion"),
        (a_model(QWEN_VALIDATED + "promotion: [{metric: eval_loss, min: 2, max: 1}]"), "7:15 invalid-promotion"),
        (a_model(QWEN + "promotion: [{metric: eval_loss, max: 1}]"), "7:24 promotion-needs-validation"),
        # deployment
        (a_model(NOVA + "deployment: {onDemand: true, throughput: {}}"), "7:26 conflicting-deployment"),
        (
            a_model("baseModel: titan-text-lite\ndataset: {training: a/b}\ndeployment: {onDemand: true}"),
            "7:26 on-demand-unsupported",
        ),
        (a_model(NOVA + "deployment: {autoUndeploy: {}}"), "7:30 invalid-auto-undeploy"),
        (
            a_model(NOVA + "deployment: {autoUndeploy: {after: 8h, hours: 'Mon 08:00-20:00'}}"),
            "7:30 invalid-auto-undeploy",
        ),
        (a_model(NOVA + "deployment: {autoUndeploy: {after: 8h, timezone: UTC}}"), "7:52 invalid-auto-undeploy"),
        (a_model(NOVA + "deployment: {autoUndeploy: {after: 0s}}"), "7:38 out-of-range"),
        (a_model(NOVA + "deployment: {autoUndeploy: {hours: 9 to 5}}"), "7:38 invalid-hours"),
        (a_model(NOVA + "deployment: {autoUndeploy: {at: 2026-12-24T18:00:00}}"), "7:35 invalid-value"),
        (
            a_model(NOVA + "deployment: {autoUndeploy: {hours: 'Mon 08:00-20:00', timezone: Europe/Berln}}"),
            "7:67 unknown-timezone",
        ),
        (
            a_model(NOVA + "deployment: {autoUndeploy: {hours: 'Mon 08:00-20:00', timezone: ../../etc/passwd}}"),
            "7:67 unknown-timezone",
        ),
        (a_model(NOVA + "deployment: {idle: 0s}"), "7:22 out-of-range"),
    ],
)
def test_a_wrong_manifest_is_told_where_it_is_wrong(manifest: str, expected: str) -> None:
    result = loaded(manifest)
    assert f"1.yaml:{expected}" in [line for line in told(result) if not line.endswith("retired-base-model")]
    assert result.configuration is None
    assert len([problem for problem in result.diagnostics if problem.is_error]) == 1


def test_everything_that_is_required_is_told() -> None:
    result = loaded("kind: Dataset\n")
    assert [problem.detail for problem in result.diagnostics] == [
        f"`{field}` is required." for field in ("apiVersion", "metadata", "spec")
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("cloud: azure", "5:10 invalid-value"),
        ("clod: aws", "5:3 unknown-field"),
        ("bucket: Acme", "5:11 invalid-bucket"),
        ("bucket: 192.168.0.1", "5:11 invalid-bucket"),
        ("bucket: xn--acme", "5:11 invalid-bucket"),
        ("bucket: a..b", "5:11 invalid-bucket"),
        ("region: us-east", "5:11 invalid-region"),
        ("roles: {training: me}", "5:21 invalid-arn"),
        ("huggingFaceTokenSecret: hf_short", "5:27 secret-in-manifest"),
        ("huggingFaceTokenSecret: my-secret", "5:27 invalid-arn"),
        ("notifications: {emails: [nobody]}", "5:28 invalid-email"),
        ("budget: {perTraining: 200}", "5:25 invalid-value"),
        ("budget: {perTraining: 200 EUR}", "5:25 invalid-value"),
        ("defaults: {resorces: {}}", "5:14 unknown-field"),
        ("defaults: {revision: x}", "5:24 wrong-type"),
    ],
)
def test_a_wrong_project_is_told_where_it_is_wrong(spec: str, expected: str) -> None:
    result = loaded(a_model(NOVA), project=a_project(spec))
    assert told(result) == [f"reconciler.yaml:{expected}"]


def test_a_region_without_figures_is_a_warning() -> None:
    result = loaded(a_model(NOVA), project=a_project("region: us-esat-1"))
    assert told(result) == ["reconciler.yaml:5:11 unknown-region"]
    assert "us-east-1" in result.diagnostics[0].hint
    assert result.configuration is not None


def test_all_problems_of_all_files_are_told_at_once() -> None:
    result = loaded(
        a_model(NOVA + "hyperparameters: {epochs: 9, learningRat: 1}\nrevision: x\n", name="a"),
        "a: [\n---\n" + a_model("baseModel: nope\ndataset: {training: a/b}\n", name="b"),
        a_model(QWEN + "resources: {instanceType: ml.g5.12xlarg, spot: yes}\n", name="c"),
    )
    assert told(result) == [
        "1.yaml:7:29 hyperparameter-out-of-range",
        "1.yaml:7:32 unknown-field",
        "1.yaml:8:13 wrong-type",
        "2.yaml:2:1 invalid-yaml",
        "2.yaml:7:14 unknown-base-model",
        "3.yaml:7:29 unknown-instance-type",
        "3.yaml:7:50 wrong-type",
    ]
    assert result.configuration is None


def test_a_document_that_cannot_be_read_makes_nothing_else_seem_missing() -> None:
    result = loaded(
        "a: [\n", a_model("baseModel: {fineTunedModel: parent}\ndataset: {training: support}\n"), project="x: *y\n"
    )
    assert [line.split()[1] for line in told(result)] == ["yaml-alias", "invalid-yaml"]


@pytest.mark.parametrize(
    ("manifest", "hint"),
    [
        (a_model(QWEN + "resources: {instanceType: ml.g5.12xlarg}"), "did you mean `ml.g5.12xlarge`?"),
        (
            a_model("baseModel: nova-light\ndataset: {training: a/b}"),
            "did you mean `nova-lite`? `reconciler catalog models` lists them",
        ),
        (a_model(NOVA + "hyperparamters: {}"), "did you mean `hyperparameters`?"),
        (a_model(NOVA + "deployment: {idle: 8}"), "write 90s, 30m, 8h, 7d or a chain such as 1h30m"),
        (a_model(NOVA + "deployment: {onDemand: no}"), "write false: in YAML 1.2 only true and false are booleans"),
        (a_model("baseModel: llama-3.1-8b\ndataset: {training: a/b}"), "write `llama-3.1-8b-instruct`"),
        (a_model(QWEN + "resources: {volumeSizeGB: 1_000}"), "write 1000"),
        (a_model(NOVA, metadata=", labels: {version: 1.10}"), "put it in quotes, so that it is text"),
        (
            a_model("baseModel: nova-lite\ndataset: {training: a/b, validation: 10%}"),
            "write `validation: {split: 10%}, {dataset: NAME} or none`",
        ),
        (a_model("baseModel: nova-lite\ndataset: support"), "write `dataset: {training: NAME}`"),
        (
            a_model(QWEN + "deployment: {instanceType: auto}"),
            "`auto` is for `resources.instanceType` alone: write an instance type",
        ),
        (
            a_model(NOVA + "deployment: {autoUndeploy: {hours: 'Mon 08:00-20:00', timezone: europe/berlin}}"),
            "did you mean `Europe/Berlin`?",
        ),
    ],
)
def test_the_hint_says_what_to_write(manifest: str, hint: str) -> None:
    [problem] = loaded(manifest).diagnostics
    assert problem.hint == hint


def test_bounds_name_the_bound_and_its_source() -> None:
    [problem] = loaded(a_model(NOVA + "hyperparameters: {epochs: 6}")).diagnostics
    assert problem.detail == (
        "`epochs` is 6; for `nova-lite` on bedrock it must be at least 1 and at most 5 "
        "(source: https://example.com/hyperparameters)."
    )
    assert problem.hint == "the default is 2"


def test_early_stopping_that_the_model_does_not_have_asks_for_no_validation_data() -> None:
    problems = told(loaded(a_model(NOVA + "hyperparameters: {earlyStopping: {patience: 1}}")))
    assert problems == ["1.yaml:7:47 unsupported-hyperparameter"]


def test_steps_of_a_hyperparameter() -> None:
    spec = "baseModel: cohere-command\ndataset: {training: a/b, validation: {split: 10%}}\nhyperparameters: {batchSize: 16}\n"
    assert told(loaded(a_model(spec)))[1:] == ["1.yaml:7:32 hyperparameter-out-of-range"]


def test_exactly_one_project() -> None:
    assert told(loaded(a_model(NOVA), project="")) == ["- no-project"]
    several = loaded(PROJECT.replace("acme", "other"))
    assert told(several) == ["1.yaml:3:18 several-projects"]
    assert [str(place) for place in several.diagnostics[0].related] == ["reconciler.yaml:3:18"]


def test_duplicates_ignore_case_and_point_at_the_first() -> None:
    result = loaded(a_model(NOVA, name="Bot"), a_model(NOVA, name="bot"), a_dataset("bot"), a_model(NOVA, name="BOT"))
    assert told(result) == ["2.yaml:3:18 duplicate-name", "4.yaml:3:18 duplicate-name"]
    assert {str(place) for problem in result.diagnostics for place in problem.related} == {"1.yaml:3:18"}


def test_a_duplicate_is_checked_by_what_it_says_itself() -> None:
    result = loaded(
        a_model(NOVA), a_model("baseModel: qwen\ndataset: {training: a/b}"), a_model(QWEN + "revision: 0", name="a b")
    )
    assert told(result) == [
        "2.yaml:3:18 duplicate-name",
        "2.yaml:5:14 unknown-base-model",
        "3.yaml:3:18 invalid-name",
        "3.yaml:7:13 out-of-range",
    ]


def test_a_cycle_is_shown_once_with_all_its_models() -> None:
    def child(name: str, parent: str) -> str:
        return a_model(f"baseModel: {{fineTunedModel: {parent}}}\ndataset: {{training: a/b}}\n", name=name)

    result = loaded(child("a", "b"), child("b", "c"), child("c", "a"), child("d", "a"))
    [problem] = result.diagnostics
    assert problem.code == "cyclic-reference"
    steps = problem.detail.split(" → ")
    assert steps[0] == steps[-1]
    assert set(steps) == {"a", "b", "c"}
    assert len(problem.related) == 2


def test_a_parent_on_another_provider() -> None:
    child = a_model("baseModel: {fineTunedModel: parent}\nprovider: sagemaker\ndataset: {training: a/b}\n")
    assert told(loaded(a_model(NOVA, name="parent"), child)) == ["2.yaml:6:13 provider-differs-from-parent"]


def test_renames() -> None:
    model = a_model(NOVA, name="new", metadata=", renamedFrom: old")
    assert told(loaded(model, a_model(NOVA, name="OLD"))) == ["1.yaml:3:36 invalid-rename"]
    assert told(loaded(model, a_model(NOVA, name="other", metadata=", renamedFrom: old"))) == [
        "2.yaml:3:38 invalid-rename"
    ]
    result = loaded(model)
    assert result.configuration is not None
    assert result.configuration.models[0].renamed_from == "old"


# retirement, regions, what aws asks for


RETIRED = a_model("baseModel: titan-text-lite\ndataset: {training: a/b}\n")


def test_a_retired_model_is_refused_by_aws_with_reason_date_and_replacement() -> None:
    [problem] = loaded(RETIRED, project=AWS).diagnostics
    assert problem.code == "retired-base-model"
    assert problem.is_error
    assert problem.overridable
    assert "Titan Text reached its end of life (EOL, on 2025-08-15)" in problem.detail
    assert "use `nova-lite`" in problem.hint


def test_an_unknown_date_is_told_as_unknown() -> None:
    spec = "baseModel: cohere-command\ndataset: {training: a/b, validation: {split: 10%}}\n"
    [problem] = loaded(a_model(spec), project=AWS).diagnostics
    assert "on a day that is not known" in problem.detail


def test_retired_models_can_be_allowed_and_live_on_locally() -> None:
    allowed = loaded(RETIRED, project=AWS, allow=("retired-base-model",))
    assert allowed.configuration is not None
    assert [str(problem.severity) for problem in allowed.diagnostics] == ["warning"]
    local = loaded(RETIRED)
    assert local.configuration is not None
    assert [str(problem.severity) for problem in local.diagnostics] == ["note"]


def test_what_is_not_overridable_cannot_be_allowed() -> None:
    assert loaded(a_model(NOVA + "revision: x"), allow=("wrong-type",)).configuration is None


def test_the_region_counts_on_aws_alone() -> None:
    llama = a_model("baseModel: llama-3.1-8b-instruct\nprovider: bedrock\ndataset: {training: a/b}\n")
    [problem] = loaded(llama, project=AWS).diagnostics
    assert problem.code == "region-unavailable"
    assert "us-west-2" in problem.detail
    assert told(loaded(llama)) == []


def test_gated_weights_need_a_token_on_aws() -> None:
    without = "\n".join(line for line in AWS.splitlines() if "huggingFace" not in line) + "\n"
    assert told(loaded(a_model(LLAMA), project=without)) == ["1.yaml:5:14 gated-base-model"]
    assert told(loaded(a_model(LLAMA), project=AWS)) == []
    assert told(loaded(a_model(LLAMA))) == []


def test_models_of_the_embedded_cloud_are_refused_by_aws() -> None:
    tiny = a_model("baseModel: tiny\ndataset: {training: a/b}\n")
    assert told(loaded(tiny, project=AWS)) == ["1.yaml:5:14 local-only-base-model"]
    assert told(loaded(tiny)) == []


def test_a_folder_of_weights_counts_from_the_manifests_folder() -> None:
    folder = a_model("baseModel: {path: ../bases/mine}\ndataset: {training: a/b}\n")
    assert told(loaded(folder, project=AWS)) == ["1.yaml:5:14 local-only-base-model"]
    found = loaded(folder).configuration
    assert found is not None
    [model] = found.models
    assert (model.base_model, model.weights and model.weights.path) == ("local-folder", "../bases/mine")
    assert found.digest != (loaded(a_model(NOVA)).configuration or found).digest


def test_the_entry_of_folders_cannot_be_named() -> None:
    named = a_model("baseModel: local-folder\ndataset: {training: a/b}\n")
    assert told(loaded(named)) == ["1.yaml:5:14 unknown-base-model"]


def test_aws_needs_a_bucket_and_the_roles_that_are_used() -> None:
    bare = a_project("cloud: aws")
    details = {problem.detail for problem in loaded(a_model(NOVA), project=bare).diagnostics}
    assert details == {
        "`spec.bucket` is required where `cloud` is aws.",
        "`spec.roles.bedrock` is required where `cloud` is aws.",
    }
    scheduled = a_model(QWEN + "deployment: {autoUndeploy: {after: 8h}}")
    details = {problem.detail for problem in loaded(scheduled, project=bare).diagnostics}
    assert "`spec.roles.scheduler` is required where `cloud` is aws." in details
    assert "`spec.roles.training` is required where `cloud` is aws." in details


def test_the_cloud_can_be_overridden() -> None:
    assert loaded(RETIRED, cloud="aws").configuration is None
    result = loaded(RETIRED, project=AWS, cloud="local")
    assert result.configuration is not None
    assert result.configuration.project.cloud == "local"


def test_a_base_model_without_provisioned_throughput() -> None:
    deployed = a_model("baseModel: on-demand-only\ndataset: {training: a/b}\ndeployment: {state: deployed}\n")
    assert told(loaded(deployed)) == ["1.yaml:7:15 throughput-unsupported"]
    assert told(loaded(deployed.replace("state: deployed", "state: deployed, onDemand: true"))) == []
    assert told(loaded(deployed.replace("deployed", "undeployed"))) == []


def test_lora_settings_without_lora_are_a_warning() -> None:
    result = loaded(optional("{lora_config: {r: 4}}"))
    assert told(result) == ["1.yaml:8:29 unused-lora-config"]
    assert result.configuration is not None


def test_more_labels_than_tags() -> None:
    labels = ", ".join(f"k{number}: v" for number in range(41))
    assert told(loaded(a_model(NOVA, metadata=f", labels: {{{labels}}}"))) == ["1.yaml:3:31 too-many-labels"]


# validation data


@pytest.mark.parametrize(
    ("base", "validation", "code"),
    [
        ("cohere-command", "", "validation-required"),
        ("cohere-command", ", validation: none", "validation-required"),
        ("cohere-command", ", validation: {split: 10%}", None),
        ("titan-text-lite", ", validation: {split: 10%}", "validation-unsupported"),
        ("titan-text-lite", ", validation: none", None),
        ("nova-lite", "", None),
        ("nova-lite", ", validation: {dataset: data/b.csv}", None),
    ],
)
def test_validation_data_is_required_optional_or_unsupported(base: str, validation: str, code: str | None) -> None:
    result = loaded(a_model(f"baseModel: {base}\ndataset: {{training: data/a.csv{validation}}}\n"))
    assert [problem.code for problem in result.diagnostics if problem.is_error] == ([code] if code else [])


# secrets


@pytest.mark.parametrize("token", ["hf_" + "aB3" * 12, "AKIA" + "ABCD2345" * 2, "ghp_" + "a1" * 18])
@pytest.mark.parametrize(
    "manifest",
    [
        a_model(NOVA, metadata=", description: 'the key is {token}'"),
        a_model(NOVA + "# {token}\n"),
        a_model(NOVA + "{token}: x\n"),
    ],
)
def test_secrets_are_refused_and_never_shown(token: str, manifest: str) -> None:
    result = loaded(manifest.replace("{token}", token))
    assert [problem.code for problem in result.diagnostics] == ["secret-in-manifest"]
    assert token not in repr(result.diagnostics)


def test_a_token_in_place_of_its_secrets_arn_is_not_shown() -> None:
    for written in ("hf_short", "12345"):
        result = loaded(project=a_project(f"huggingFaceTokenSecret: {written}"))
        assert result.configuration is None
        assert written not in repr(result.diagnostics)


def test_a_thousand_models_in_one_line_and_a_thousand_with_hours() -> None:
    rule = "deployment: {autoUndeploy: {hours: 'Mon-Fri 08:00-20:00', timezone: Europe/Berlin}}\n"
    models = [a_model(NOVA + rule, name="m0")]
    for number in range(1, 1000):
        parent = f"baseModel: {{fineTunedModel: m{number - 1}}}\ndataset: {{training: a/b}}\n"
        models.append(a_model(parent + rule, name=f"m{number}"))
    started = time.process_time()
    result = loaded(*reversed(models))
    assert result.configuration is not None
    assert [model.name for model in result.configuration.models] == [f"m{number}" for number in range(1000)]
    assert time.process_time() - started < 10
