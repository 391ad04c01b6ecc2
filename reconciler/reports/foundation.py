"""The project's foundation as a CloudFormation template or a Terraform configuration, from its plain values.

Both forms find the account by themselves: the values hold :data:`ACCOUNTS`' text in its place. In CloudFormation every string with
it becomes an ``Fn::Sub``; in Terraform it is an interpolation as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

ACCOUNTS: Mapping[str, str] = {
    "cloudformation": "${AWS::AccountId}",
    "terraform": "${data.aws_caller_identity.current.account_id}",
}
"""By form: what stands for the account."""

_TEMPLATES: Mapping[str, str] = {"cloudformation": "cloudformation.yaml.j2", "terraform": "terraform.tf.j2"}


def render_foundation(form: str, foundation: Mapping[str, Any]) -> str:
    """``form``: a key of ACCOUNTS, with whose text as account the foundation was laid out."""
    return _environment().get_template(f"foundation/{_TEMPLATES[form]}").render(**foundation)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.reports"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - neither form is HTML: every value goes through `json`, whose strings both read
    )
    environment.filters |= {"json": _json, "substituted": _substituted, "identifier": _identifier}
    return environment


def _json(value: Any) -> str:
    """Also YAML, and an expression of Terraform's."""
    return json.dumps(value, indent=2)


def _substituted(value: Any) -> Any:
    """CloudFormation puts in the account wherever its name stands; no other text of ours may look like a substitution."""
    match value:
        case str() if ACCOUNTS["cloudformation"] in value:
            return {"Fn::Sub": value}
        case Mapping():
            return {key: _substituted(item) for key, item in value.items()}
        case list() | tuple():
            return [_substituted(item) for item in value]
        case _:
            return value


def _identifier(text: str) -> str:
    """A logical ID: letters and digits."""
    return "".join(part.capitalize() for part in text.replace("-", " ").split())
