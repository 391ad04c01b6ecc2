from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.desired import DesiredModel, Origin, UndeployRule
from reconciler.domain.kinds.fine_tuned_model import PromotionGate
from reconciler.domain.plan import Effect
from reconciler.planner.diff import EFFECTS, differences, effect_of, origin_of
from tests.builders import a_model, a_training_machine

MODEL = a_model()


def told(before: DesiredModel, after: DesiredModel) -> dict[str, tuple[Any, Any, Effect]]:
    return {change.path: (change.before, change.after, change.effect) for change in differences(before, after)}


def test_equal_models_do_not_differ() -> None:
    assert differences(MODEL, a_model()) == ()


def test_epochs() -> None:
    assert told(MODEL, a_model(hyperparameters={"epochs": 5})) == {
        "spec.hyperparameters.epochs": (3, 5, Effect.RETRAIN)
    }


def test_another_spelling_of_a_number_is_no_difference() -> None:
    assert differences(MODEL, a_model(hyperparameters={"learning_rate": Decimal("2e-5")})) == ()


def test_changed_data_name_both_digests() -> None:
    found = told(MODEL, a_model(data="new-data"))
    before, after, effect = found["spec.dataset.training.digest"]
    assert (len(before), len(after), effect) == (8, 8, Effect.RETRAIN)


def test_optional_hyperparameters_are_told_leaf_by_leaf() -> None:
    lora = {"use_lora": True, "lora_config": {"r": 8, "targets": ["q", "v"]}}
    grown = {"use_lora": True, "lora_config": {"r": 16, "targets": ["q", "k"]}}
    assert told(a_model(hyperparameters={"optional": lora}), a_model(hyperparameters={"optional": grown})) == {
        "spec.hyperparameters.optional.lora_config.r": (8, 16, Effect.RETRAIN),
        "spec.hyperparameters.optional.lora_config.targets[1]": ("v", "k", Effect.RETRAIN),
    }
    assert set(told(MODEL, a_model(hyperparameters={"optional": lora}))) == {
        "spec.hyperparameters.optional.use_lora",
        "spec.hyperparameters.optional.lora_config.r",
        "spec.hyperparameters.optional.lora_config.targets",
    }


def test_a_parent_instead_of_a_base_model() -> None:
    child = a_model(parent="other-bot", parent_fingerprint="sha256:1234567890")
    assert told(MODEL, child) == {
        "spec.baseModel": ("llama-3.1-8b-instruct", None, Effect.RETRAIN),
        "spec.baseModel.fineTunedModel": (None, "other-bot", Effect.NONE),
        "spec.baseModel.version": (None, "12345678", Effect.RETRAIN),
    }


CHANGES: dict[str, dict[str, Any]] = {
    "revision": {"revision": 2},
    "epochs": {"hyperparameters": {"epochs": 9}},
    "patience": {"hyperparameters": {"early_stopping_patience": 2}},
    "optional": {"hyperparameters": {"optional": {"seed": 7}}},
    "base model": {"base_model": "qwen3-8b"},
    "data": {"data": "other"},
    "instance": {"resources": a_training_machine("ml.p4d.24xlarge")},
    "labels": {"labels": {"team": "support"}},
    "deployed": {"deployment": {"deployed": True}},
    "hosting": {"deployment": {"instance_type": "ml.g5.48xlarge"}},
    "rule": {"deployment": {"undeploy": UndeployRule(hours="Mon 08:00-20:00")}},
    "retention": {"keep_versions": 4},
    "guard": {"prevent_destroy": True},
    "promotion": {"promotion": (PromotionGate(metric="eval_loss", max=1.4),)},
    "stopped": {"training_stopped": True},
}


@pytest.mark.parametrize("more", CHANGES.values(), ids=CHANGES)
def test_a_field_retrains_exactly_when_it_is_in_the_fingerprint(more: dict[str, Any]) -> None:
    changed = a_model(**more)
    effects = {change.effect for change in differences(MODEL, changed)}
    assert effects, "the change shows"
    assert (Effect.RETRAIN in effects) == (changed.fingerprint != MODEL.fingerprint)


def test_everything_of_a_new_model_has_an_effect() -> None:
    everything = a_model(
        labels={"a.b": "c"},
        parent="p",
        parent_fingerprint="sha256:1",
        promotion=(PromotionGate(metric="eval_loss", max=1.4),),
        deployment={"undeploy": UndeployRule(hours="Mon 08:00-20:00"), "instance_count": 2},
    )
    assert {change.before for change in differences(None, everything)} == {None}


def test_an_unknown_path_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        effect_of("spec.nonsense")


def test_the_table_speaks_of_manifest_paths() -> None:
    assert all(path.startswith(("spec.", "metadata.")) for path in EFFECTS)


json_values = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text("abc", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
optionals = st.dictionaries(st.sampled_from("xyz"), json_values, max_size=3)


@given(optionals, optionals)
def test_optional_hyperparameters_differ_when_their_fingerprints_do(one: dict[str, Any], two: dict[str, Any]) -> None:
    before, after = (a_model(hyperparameters={"optional": optional}) for optional in (one, two))
    assert bool(differences(before, after)) == (before.fingerprint != after.fingerprint)


ORIGINS = {
    "spec.hyperparameters.epochs": Origin.MANIFEST,
    "spec.resources.instanceType": Origin.PROJECT,
    "spec.baseModel.fineTunedModel": Origin.MANIFEST,
    "spec.promotion": Origin.MANIFEST,
    "spec.deployment.onDemand": Origin.PROJECT,
}


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("spec.hyperparameters.epochs", Origin.MANIFEST),
        ("spec.hyperparameters.batchSize", Origin.DEFAULT),
        ("spec.resources.instanceType", Origin.PROJECT),
        ("spec.baseModel.version", Origin.MANIFEST),
        ("spec.promotion[0].max", Origin.MANIFEST),
        ("spec.deployment.kind", Origin.PROJECT),
        ("spec.deployment.state", Origin.DEFAULT),
        ("metadata.labels.team", Origin.MANIFEST),
    ],
)
def test_every_value_has_an_origin(path: str, origin: Origin) -> None:
    resolved = a_model().resolved.model_copy(update={"origins": ORIGINS})
    assert origin_of(path, resolved) is origin


def test_what_is_gone_has_no_origin() -> None:
    before = a_model(hyperparameters={"optional": {"packing": True}})
    (change,) = differences(before, a_model(hyperparameters={"optional": {}}))
    assert (change.after, change.origin) == (None, None)
