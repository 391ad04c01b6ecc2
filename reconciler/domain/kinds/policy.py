"""kind: Policy: a rule that every plan of the project must keep, with the examples that prove it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.kinds.metadata import Metadata


class PolicyTest(Value):
    name: str = Field(min_length=1, max_length=200)
    given: dict[str, Any] = Field(
        default_factory=dict,
        description="Values of `change`, `model` and `plan`, as far as the rule looks at them.",
        examples=[{"model": {"metadata": {"labels": {"env": "prod"}}}}],
    )
    expect: Literal["pass", "fail"]
    message: str | None = Field(default=None, description="What the message must be then, word for word.")


class PolicySpec(Value):
    description: str = Field(default="", max_length=1000)
    severity: Literal["error", "warning"] = Field(
        default="error", description="`error` keeps the plan from being applied; `warning` only tells."
    )
    overridable: bool = Field(
        default=True, description="Whether a person may accept a failure with `--allow policy-NAME`."
    )
    for_each: Literal["change", "plan"] = Field(
        default="change", description="Judge every change that the plan would make, or the plan as a whole."
    )
    rule: str = Field(
        min_length=1,
        max_length=4096,
        description="A CEL expression over `plan`, `change` and `model` that is true where all is well.",
        examples=['has(model.spec.promotion) || model.metadata.labels.env != "prod"'],
    )
    message: str = Field(
        default="",
        max_length=1000,
        description="What is wrong, for the reviewer. `${…}` holds a CEL expression, as in `${model.metadata.name}`.",
    )
    hint: str = Field(default="", max_length=1000, description="What to do about it.")
    tests: tuple[PolicyTest, ...] = Field(
        default=(), description="Examples that `reconciler policy test` checks the rule against."
    )


class PolicyManifest(Value):
    api_version: Literal["reconciler/v1"]
    kind: Literal["Policy"]
    metadata: Metadata
    spec: PolicySpec
