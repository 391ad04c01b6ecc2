"""The project's page: one HTML file that fetches nothing, stores nothing, and lets nothing but its own style and script run.

Every value goes through :func:`~reconciler.reports.sanitize.printable` and is escaped, wherever the template puts it.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from reconciler.reports.sanitize import printable
from reconciler.reports.view.lineage import BOX_HEIGHT, BOX_WIDTH
from reconciler.reports.view.report import ReportView


def render_report(view: ReportView) -> str:
    style, script = _own("report.css.j2"), _own("report.js.j2")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            style=style,
            script=script,
            policy=content_security_policy(style, script),
            box=(BOX_WIDTH, BOX_HEIGHT),
        )
    )


def content_security_policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere; what stands in the page is named by its hash."""
    return (
        f"default-src 'none'; style-src '{_hashed(style)}'; script-src '{_hashed(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _own(name: str) -> Markup:
    """A file of ours as it stands: no template in spite of its ending, and nothing of anybody else in it."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.reports"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _finalized(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
