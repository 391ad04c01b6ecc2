"""Text from manifests and from the cloud, made harmless for Markdown on GitHub and GitLab, and for GitHub's logs.

Forges render in two steps: Markdown to HTML, then filters over the text of that HTML, which make links of ``@team``, ``#1``,
``$7``, ``https://`` and more. Character references stop the first step and are gone in the second, so whatever a filter looks
for is also parted by a zero-width space. Own zero-width spaces are the only ones there are: others were made visible before.
"""

from __future__ import annotations

import re

from reconciler.reports.sanitize import printable


class Markdown(str):
    """Text that is Markdown already, and is not to be escaped again."""

    __slots__ = ()


_SPACE = "&#8203;"

_PUNCTUATION = re.compile(r"""[!"#$%&'*+:;<=>?@\[\\\]^_`{|}~]""")
"""ASCII punctuation that Markdown, HTML, tables or mathematics may act on. ``-``, ``.`` and ``)`` act only where a line begins."""

_SIGIL = re.compile(r"([@#!$%~&^:*\[])(?=\S)")
"""What references begin with: people, issues, merge requests, snippets, milestones, labels, epics, alerts, emoji, iterations."""

_WORDED = re.compile(r"\b(www|GH|xmpp|mailto)(?=[.:-])", re.IGNORECASE)

_LINKED = re.compile(r"(@(?=\S)|www(?=\.)|(?:https?|ftp):(?=//))", re.IGNORECASE)
"""What the autolink extensions of cmark-gfm (GitHub) and comrak (GitLab) look for in text, wherever it stands."""

_MARK = "\ue000"
"""Where a zero-width space goes, while the rest is escaped. A private character: it never means anything, and is taken out first."""


def markdown_text(text: object) -> Markdown:
    """One line of prose that reads as given, in a paragraph, a list or a table's cell. It never begins a line."""
    parted = _SIGIL.sub(rf"\1{_MARK}", printable(str(text)).replace(_MARK, "\\ue000"))
    return Markdown(_referenced(_WORDED.sub(rf"\1{_MARK}", parted)).replace(_MARK, _SPACE))


def markdown_code(text: object) -> Markdown:
    """A name or a value, as code: filters leave code alone, but parsers make links of addresses in it, since its tags are HTML to them."""
    parted = _LINKED.sub(rf"\1{_MARK}", printable(str(text)).replace(_MARK, "\\ue000"))
    return Markdown(f"<code>{_referenced(parted).replace(_MARK, _SPACE)}</code>")


def comment_text(text: object) -> Markdown:
    """What may stand in an HTML comment, and is found again: letters, digits, dots, slashes, and single hyphens."""
    return Markdown(re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9./]", "-", str(text))).strip("-"))


def workflow_data(text: str) -> str:
    """The message of a GitHub workflow command (``escapeData`` of actions/toolkit)."""
    shown = "\n".join(printable(line) for line in text.splitlines())
    return shown.replace("%", "%25").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a GitHub workflow command (``escapeProperty`` of actions/toolkit)."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def _referenced(text: str) -> str:
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found.group())};", text)
