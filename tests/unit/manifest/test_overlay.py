"""Environments: documents of ``environments/<name>.yaml`` over the manifests."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.catalog import load as load_catalog
from reconciler.domain.desired import Configuration, ResolvedModel
from reconciler.domain.diagnostic import Diagnostic
from reconciler.manifest.load import Environment, Loaded, SourceFile, load

CATALOG = load_catalog()

BASE = """
apiVersion: reconciler/v1
kind: Project
metadata: {name: shop}
spec:
  bucket: shop-artifacts
  defaults: {resources: {maxRuntime: 6h}}
---
apiVersion: reconciler/v1
kind: Dataset
metadata: {name: orders}
spec: {source: data/orders.csv}
---
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: bot, labels: {team: support, tier: free}}
spec:
  baseModel: qwen3-1.7b
  dataset: {training: orders, validation: {split: 10%}}
  promotion: [{metric: eval_loss, max: 2}, {metric: train_loss, max: 2}]
  deployment: {state: undeployed, instanceType: ml.g5.2xlarge, autoUndeploy: {after: 8h}}
---
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: child}
spec:
  baseModel: {fineTunedModel: bot}
  dataset: {training: orders, validation: {split: 10%}}
"""

BOT = "apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {name: bot}\n"
PROJECT = "apiVersion: reconciler/v1\nkind: Project\n"


def loaded(overlay: str, base: str = BASE, name: str = "prod") -> Loaded:
    environment = Environment(
        name=name, file=SourceFile(path=f"environments/{name}.yaml", text=textwrap.dedent(overlay))
    )
    return load([SourceFile(path="reconciler.yaml", text=base)], CATALOG, environment=environment)


def configured(overlay: str, base: str = BASE) -> Configuration:
    result = loaded(overlay, base)
    assert result.configuration is not None, result.diagnostics
    return result.configuration


def bot(overlay: str) -> ResolvedModel:
    return next(model for model in configured(BOT + overlay).models if model.name.startswith("bot"))


def told(overlay: str, base: str = BASE) -> list[Diagnostic]:
    return [found for found in loaded(overlay, base).diagnostics if found.is_error]


def test_mappings_are_merged_lists_and_values_replaced_and_null_removes() -> None:
    model = bot(
        "spec:\n  promotion: [{metric: eval_loss, max: 1}]\n"
        "  deployment: {state: deployed, instanceType: ml.g5.4xlarge, autoUndeploy: null}"
    )
    assert model.deployment.deployed
    assert (model.deployment.instance_type, model.deployment.undeploy) == ("ml.g5.4xlarge", None)
    assert [(gate.metric, gate.max) for gate in model.promotion] == [("eval_loss", 1)]
    assert model.validation.split_percent == 10


def test_labels_are_merged_and_removed() -> None:
    overlay = BOT.replace("{name: bot}", "{name: bot, labels: {tier: null, stage: prod}}")
    model = next(each for each in configured(overlay).models if each.name == "bot-prod")
    assert model.labels == {"team": "support", "stage": "prod"}


def test_a_choice_is_replaced_whole() -> None:
    hours = bot('spec: {deployment: {autoUndeploy: {hours: "Mon-Fri 08:00-20:00"}}}').deployment.undeploy
    assert hours is not None
    assert (hours.after, hours.hours) == (None, "Mon-Fri 08:00-20:00")


def test_on_demand_ends_throughput() -> None:
    nova = BASE + textwrap.dedent("""
        ---
        apiVersion: reconciler/v1
        kind: FineTunedModel
        metadata: {name: nova}
        spec:
          baseModel: nova-micro
          dataset: {training: orders}
          deployment: {throughput: {modelUnits: 2}}
    """)
    overlay = BOT.replace("bot", "nova") + "spec: {deployment: {onDemand: true}}"
    (model,) = [each for each in configured(overlay, nova).models if each.name == "nova-prod"]
    assert (str(model.deployment.kind), model.deployment.model_units) == ("on-demand", None)


def test_the_environment_is_a_project_of_its_own() -> None:
    project = configured(PROJECT + "spec: {region: us-west-2, bucket: shop-prod}").project
    assert (project.name, project.environment, project.region, project.bucket) == (
        "shop-prod",
        "prod",
        "us-west-2",
        "shop-prod",
    )


@pytest.mark.parametrize(
    ("overlay", "name"),
    [
        (PROJECT, "shop-prod"),
        (PROJECT + "metadata: {name: shop}", "shop-prod"),
        (PROJECT + "metadata: {name: boutique}", "boutique"),
    ],
)
def test_the_projects_name(overlay: str, name: str) -> None:
    """Repeating the name says which document is meant, and makes no two environments one project."""
    assert configured(overlay).project.name == name


@pytest.mark.parametrize(
    ("overlay", "names"),
    [
        ("", {"bot-prod", "child-prod"}),
        (PROJECT + 'spec: {nameSuffix: ""}', {"bot", "child"}),
        (PROJECT + "spec: {nameSuffix: -live}", {"bot-live", "child-live"}),
    ],
)
def test_names_in_the_cloud_end_with_the_suffix_and_references_follow(overlay: str, names: set[str]) -> None:
    models = configured(overlay).models
    assert {model.name for model in models} == names
    assert {model.parent for model in models} == {None, min(names)}


def test_without_an_environment_a_suffix_holds_only_where_it_is_given() -> None:
    text = BASE.replace("bucket: shop-artifacts", "nameSuffix: -dev")
    for source, name in ((BASE, "bot"), (text, "bot-dev")):
        configuration = load([SourceFile(path="reconciler.yaml", text=source)], CATALOG).configuration
        assert configuration is not None
        assert (configuration.models[0].name, configuration.project.name) == (name, "shop")


def test_defaults_of_the_project_are_merged_too() -> None:
    model = next(m for m in configured(PROJECT + "spec: {defaults: {resources: {volumeSizeGB: 200}}}").models)
    assert model.resources is not None
    assert (model.resources.volume_size_gb, model.resources.max_runtime.total_seconds()) == (200, 6 * 3600)


def test_an_environment_may_have_manifests_of_its_own() -> None:
    own = (
        BOT.replace("bot", "extra")
        + "spec: {baseModel: qwen3-1.7b, dataset: {training: orders, validation: {split: 10%}}}"
    )
    assert {model.name for model in configured(own).models} == {"bot-prod", "child-prod", "extra-prod"}


def test_what_is_not_there_cannot_be_changed() -> None:
    (problem,) = told("\n" + BOT.replace("bot", "bto") + "spec: {revision: 2}")
    assert (problem.code, str(problem.where)) == ("nothing-to-override", "environments/prod.yaml:4:18")
    assert problem.hint == "did you mean `bot`?"


def test_problems_stand_in_the_file_that_says_it() -> None:
    overlay = BOT + "spec:\n  deployment: {instanceType: ml.g5.2xlrge}\n  resources: {spot: yes}\n"
    places = {(found.code, str(found.where)) for found in told(overlay)}
    assert places == {
        ("unknown-instance-type", "environments/prod.yaml:5:30"),
        ("wrong-type", "environments/prod.yaml:6:21"),
    }
    broken = BASE.replace("ml.g5.2xlarge", "ml.g5.2xlrge")
    (problem,) = told(BOT + "spec: {deployment: {state: deployed}}", broken)
    assert str(problem.where).startswith("reconciler.yaml:")


def test_the_same_value_again_changes_no_place() -> None:
    (model, _) = configured(BOT + "spec: {deployment: {state: undeployed}}").models
    assert str(model.where).startswith("reconciler.yaml:")


@pytest.mark.parametrize(
    ("overlay", "code"),
    [
        ("kind: FineTunedModel\nmetadata: {name: bot}\n", "missing-field"),
        ("apiVersion: reconciler/v1\nkind: FineTunedModel\n", "missing-field"),
        (BOT.replace("v1", "v2"), "unknown-api-version"),
        (BOT.replace("FineTunedModel", "Model"), "unknown-kind"),
        (f"{BOT}---\n{BOT}", "duplicate-name"),
        ("- a list\n", "not-a-mapping"),
        (PROJECT + "spec: {nameSuffix: -a--b}", "invalid-value"),
        (PROJECT + f"spec: {{nameSuffix: -{'x' * 31}}}", "invalid-name"),
        (BOT + "spec: {baseModel: null}", "missing-field"),
    ],
)
def test_what_is_wrong_is_told(overlay: str, code: str) -> None:
    base = (
        BASE.replace("name: bot", f"name: {'b' * 40}").replace(": bot", f": {'b' * 40}")
        if "x" * 31 in overlay
        else BASE
    )
    assert {found.code for found in told(overlay, base)} == {code}
    assert all(
        found.where and found.where.file.startswith(("environments/", "reconciler")) for found in told(overlay, base)
    )


def test_data_is_found_from_the_file_that_names_it() -> None:
    overlay = "apiVersion: reconciler/v1\nkind: Dataset\nmetadata: {name: orders}\nspec: {source: ../data/small.csv}"
    assert configured(overlay).datasets["orders"].uri == "data/small.csv"


def test_the_digest_is_the_environments_own() -> None:
    plain = load([SourceFile(path="reconciler.yaml", text=BASE)], CATALOG).configuration
    staging, prod = loaded("", name="staging").configuration, configured("")
    assert plain is not None
    assert staging is not None
    assert len({plain.digest, staging.digest, prod.digest}) == 3


@pytest.mark.parametrize("key", ["where", "origins", "environment", "name_suffix"])
def test_a_label_of_any_name_counts_in_the_digest(key: str) -> None:
    with_label = BASE.replace("team: support", f"{key}: support")
    digests = [
        load([SourceFile(path="reconciler.yaml", text=text)], CATALOG).configuration
        for text in (with_label, with_label.replace(f"{key}: support", f"{key}: sales"), f"\n\n{with_label}")
    ]
    one, other, lower = [found.digest for found in digests if found is not None]
    assert one != other
    assert one == lower


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_nothing_crashes_it(text: str | bytes) -> None:
    environment = Environment(name="prod", file=SourceFile(path="environments/prod.yaml", text=text))
    load([SourceFile(path="reconciler.yaml", text=BASE)], CATALOG, environment=environment)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["bot", "Project", "FineTunedModel", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["apiVersion", "kind", "metadata", "name", "spec", "defaults", "baseModel"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=3), st.lists(_JSON, max_size=3))
def test_no_structure_crashes_it(base: list[object], overlay: list[object]) -> None:
    import json

    text = "\n---\n".join(map(json.dumps, overlay))
    environment = Environment(name="prod", file=SourceFile(path="environments/prod.yaml", text=text))
    file = SourceFile(path="reconciler.yaml", text="\n---\n".join([BASE, *map(json.dumps, base)]))
    load([file], CATALOG, environment=environment)
