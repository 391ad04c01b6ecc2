"""Changing values in a manifest as somebody wrote it: comments, order and everything else stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from io import StringIO
from typing import Any

from reconciler.domain.errors import ReconcilerError
from reconciler.manifest.fmt import line_break, round_trip, tidied, with_breaks

Path = tuple[str, ...]
"""``("spec", "hyperparameters", "epochs")``."""

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*", re.ASCII)
_MEANINGFUL = frozenset({"null", "true", "false", "yes", "no", "on", "off"})


def edited(text: str, name: str, changes: Mapping[Path, Any], *, environment: str = "") -> str:
    """The text with the model's values changed; ``None`` removes one. Raises ReconcilerError where the model is not in it.

    ``environment`` may have added itself to the name.
    """
    names = (name, name.removesuffix(f"-{environment}"))
    yaml = round_trip()
    documents = list(yaml.load_all(with_breaks(text, "\n")))
    model = next((each for each in documents if _is_model(each, names)), None)
    if model is None:
        raise ReconcilerError(f"the file has no FineTunedModel {name}")
    for path, value in changes.items():
        _change(model, path, value)
    written = StringIO()
    yaml.dump_all(documents, written)
    return with_breaks(tidied(written.getvalue()), line_break(text))


def _is_model(document: Any, names: tuple[str, ...]) -> bool:
    if not isinstance(document, dict) or document.get("kind") != "FineTunedModel":
        return False
    return bool((document.get("metadata") or {}).get("name") in names)


def _change(document: Any, path: Path, value: Any) -> None:
    *parents, last = path
    for key in parents:
        if not isinstance(document.get(key), dict):
            if value is None:
                return
            document[key] = _mapping({})
        document = document[key]
    if value is None:
        document.pop(last, None)
    else:
        document[last] = _written(value)


def _written(value: Any) -> Any:
    """Every plain scalar is text here, as it was when the file was read; quotes are ours to set."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return _number(Decimal(str(value)))
        case Mapping():
            return _mapping(value)
        case list() | tuple():
            return [_written(item) for item in value]
        case None:
            return "null"
        case _:
            text = str(value)
            plain = _PLAIN.fullmatch(text) and text.lower() not in _MEANINGFUL
            return text if plain else DoubleQuotedScalarString(text)


def _number(number: Decimal) -> str:
    """``2e-05`` and ``0.0001`` as people write them, without needless digits."""
    return str(int(number)) if number == number.to_integral_value() else repr(float(number))


def _mapping(value: Mapping[str, Any]) -> Any:
    from ruamel.yaml.comments import CommentedMap

    return CommentedMap((_written(key), _written(item)) for key, item in value.items())
