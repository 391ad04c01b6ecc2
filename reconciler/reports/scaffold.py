"""The text files of a new project, from templates. Their marks are ``<< >>`` and ``<% %>``: workflows have ``{{ }}`` of their own."""

from __future__ import annotations

from functools import cache

import jinja2

PROJECT = {
    "reconciler.yaml": "project/reconciler.yaml.j2",
    "models/order-helper.yaml": "project/order-helper.yaml.j2",
    ".gitignore": "project/gitignore.j2",
}
"""File → template, in every project."""

PIPELINES = {
    "github": {
        ".github/workflows/reconciler-plan.yml": "github/plan.yml.j2",
        ".github/workflows/reconciler-apply.yml": "github/apply.yml.j2",
        ".github/workflows/reconciler-drift.yml": "github/drift.yml.j2",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab/gitlab-ci.yml.j2"},
    "atlantis": {"atlantis.yaml": "atlantis/atlantis.yaml.j2"},
}
"""By system: file → template."""

HOOKS = {".pre-commit-config.yaml": "project/pre-commit-config.yaml.j2"}


def render_scaffold(template: str, **values: object) -> str:
    """``values`` have been checked: a name, a region, a bucket, addresses; none of them needs quoting in YAML."""
    return _environment().get_template(f"scaffold/{template}").render(**values)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.reports"),
        undefined=jinja2.StrictUndefined,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML, from checked values
    )
