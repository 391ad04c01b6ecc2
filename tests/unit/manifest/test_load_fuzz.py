"""Whatever the fields hold: problems are told, nothing is raised, and what has no errors is resolved."""

from typing import Any, get_args

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from reconciler.manifest.load import SourceFile, load
from reconciler.manifest.shape import KINDS
from tests.unit.manifest.fake_catalog import FakeCatalog

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([0.5, 2e-5, -1.0, 1e9]),
    st.sampled_from(
        [
            "",
            "a",
            "bot",
            "nova-lite",
            "llama-3.1-8b-instruct",
            "qwen-2.5-7b-instruct",
            "cohere-command",
            "sagemaker",
            "bedrock",
        ]
    ),
    st.sampled_from(
        ["data/a.csv", "../x", "s3://bucket/key", "10%", "none", "8h", "deployed", "stopped", "ml.g5.2xlarge", "auto"]
    ),
    st.sampled_from(
        ["Mon-Fri 08:00-20:00", "Europe/Berlin", "2026-12-24T18:00:00+01:00", "200 USD", "aws", "us-east-1", "true"]
    ),
)


def _fields(model: type[BaseModel]) -> set[str]:
    """The names of all fields, nested ones too."""
    own = {field.alias or name for name, field in model.model_fields.items()}
    nested = {inner for field in model.model_fields.values() for inner in _models_in(field.annotation)}
    return own.union(*(_fields(inner) for inner in nested))


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {inner for argument in get_args(annotation) for inner in _models_in(argument)}


FIELDS = sorted({name for manifest, _ in KINDS.values() for name in _fields(manifest)})
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)),
    max_leaves=12,
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("reconciler/v1"),
        "kind": st.sampled_from([*KINDS, "FineTunedModel"]),
        "metadata": st.one_of(st.fixed_dictionaries({"name": st.sampled_from(["a", "bot", "Bot", "x y"])}), VALUES),
    },
    optional={"spec": st.one_of(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), VALUES)},
)


def model_specs() -> st.SearchStrategy[dict[str, Any]]:
    """Mostly right: a base model and data, and sections with a few fields of any value."""
    section = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3)
    return st.fixed_dictionaries(
        {
            "baseModel": st.sampled_from(
                ["nova-lite", "qwen-2.5-7b-instruct", "cohere-command", {"fineTunedModel": "bot"}]
            ),
            "dataset": st.sampled_from([{"training": "a/b"}, {"training": "a/b", "validation": {"split": "10%"}}]),
        },
        optional={
            name: st.one_of(section, VALUES)
            for name in ("resources", "hyperparameters", "deployment", "promotion", "lifecycle")
        },
    )


MODELS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("reconciler/v1"),
        "kind": st.just("FineTunedModel"),
        "metadata": st.fixed_dictionaries({"name": st.sampled_from(["a", "bot", "c"])}),
        "spec": model_specs(),
    }
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(DOCUMENTS, MODELS), max_size=4))
def test_any_documents_are_resolved_or_told(documents: list[dict[str, Any]]) -> None:
    project = "apiVersion: reconciler/v1\nkind: Project\nmetadata: {name: acme}\n---\n"
    text = project + yaml.safe_dump_all(documents, allow_unicode=True)
    for cloud in ("local", "aws"):
        result = load([SourceFile(path="a.yaml", text=text)], FakeCatalog(), cloud_override=cloud)
        assert (result.configuration is None) == any(problem.is_error for problem in result.diagnostics)
        assert all(
            problem.where is None or problem.where.line <= text.count("\n") + 1 for problem in result.diagnostics
        )
