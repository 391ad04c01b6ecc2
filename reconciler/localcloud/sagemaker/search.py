"""Search: filters over every property of training jobs, endpoints and models, tags among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.localcloud.errors import invalid
from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.sagemaker import endpoints, inference, tags, training
from reconciler.localcloud.sagemaker.kinds import ENDPOINT, MODEL, TRAINING_JOB
from reconciler.localcloud.service import Call

PAGE = 10
KINDS: Mapping[str, str] = {"TrainingJob": TRAINING_JOB, "Endpoint": ENDPOINT, "Model": MODEL}
MISSING = object()

Filter = Mapping[str, Any]
Record = Callable[[Resource], dict[str, Any]]


def search(call: Call) -> dict[str, Any]:
    """The records that match, newest change first unless asked otherwise. Kinds that we do not have match nothing."""
    wanted = call.params["Resource"]
    kind = KINDS.get(wanted)
    record = _recorder(wanted, call.now)
    expression = call.params.get("SearchExpression") or {}
    found = [one for one in (call.all(kind) if kind else ()) if _matches(_Properties(one, record), expression)]
    _sort(found, record, call.params)
    shown, token = page(found, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
    return {
        "Results": [{wanted: _wrapped(wanted, record(one))} for one in shown],
        "NextToken": token,
        "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
    }


class _Properties:
    """A resource's properties by their dotted names; the full record is only built when one of its own is asked for."""

    def __init__(self, resource: Resource, record: Record) -> None:
        self._resource = resource
        self._record = record
        self._built: dict[str, Any] | None = None

    def values(self, name: str) -> list[Any]:
        """All values under the name: more than one where the path leads through a list, none where it ends."""
        if name.startswith("Tags."):
            tag = self._resource.tags.get(name.removeprefix("Tags."))
            return [] if tag is None else [tag]
        if self._built is None:
            self._built = self._record(self._resource)
        return list(_follow(self._built, name))

    def elements(self, name: str) -> list[Any]:
        """The elements of the list (or the one structure) under the name."""
        return [element for value in self.values(name) for element in (value if isinstance(value, list) else [value])]


class _Element:
    """One element of a nested property, asked by names that begin with the property's."""

    def __init__(self, element: Any, prefix: str) -> None:
        self._element = element
        self._prefix = prefix

    def values(self, name: str) -> list[Any]:
        return list(_follow(self._element, name.removeprefix(self._prefix).lstrip(".")))


def _follow(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _follow(item, name)
    elif not name:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        if value.get(name) is not None:
            yield from _follow(value[name], "")
            return
        head, _, rest = name.partition(".")
        if value.get(head) is not None:
            yield from _follow(value[head], rest)


def _matches(properties: _Properties, expression: Mapping[str, Any]) -> bool:
    """And (the default) or Or over filters, nested filters and sub-expressions; an empty expression matches all."""
    parts = [
        *(_holds(properties, condition) for condition in expression.get("Filters") or ()),
        *(_holds_nested(properties, nested) for nested in expression.get("NestedFilters") or ()),
        *(_matches(properties, inner) for inner in expression.get("SubExpressions") or ()),
    ]
    either = expression.get("Operator") == "Or"
    return not parts or (any(parts) if either else all(parts))


def _holds_nested(properties: _Properties, nested: Mapping[str, Any]) -> bool:
    """Whether one element of the list meets all its filters."""
    prefix = nested["NestedPropertyName"]
    elements = [_Element(element, prefix) for element in properties.elements(prefix)]
    return any(all(_holds(element, condition) for condition in nested["Filters"]) for element in elements)


def _holds(properties: _Properties | _Element, condition: Filter) -> bool:
    values = properties.values(condition["Name"])
    operator = condition.get("Operator", "Equals")
    if operator in ("Exists", "NotExists"):
        return bool(values) is (operator == "Exists")
    if condition.get("Value") is None:
        raise invalid(f"Value is required for the operator {operator} on {condition['Name']}.")
    if operator == "NotEquals":
        return not any(_equals(value, condition["Value"]) for value in values)
    holds = OPERATORS[operator]
    return any(holds(value, condition["Value"]) for value in values)


def _equals(value: Any, given: str) -> bool:
    if isinstance(value, bool):
        return str(value).lower() == given.lower()
    if isinstance(value, str):
        return value == given
    return _compared(value, given) == 0


def _compared(value: Any, given: str) -> float:
    """Below, at or above zero: numbers and times by size, text by its letters."""
    if isinstance(value, datetime):
        return value.timestamp() - _seconds(given)
    if isinstance(value, int | float):
        try:
            return float(value) - float(given)
        except ValueError:
            raise invalid(f"{given!r} is not a number.") from None
    return (str(value) > given) - (str(value) < given)


def _seconds(given: str) -> float:
    """Time filters are ISO 8601 or seconds since the epoch; without a zone they are UTC."""
    try:
        return float(given)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"{given!r} is not a timestamp.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


OPERATORS: Mapping[str, Callable[[Any, str], bool]] = {
    "Equals": _equals,
    "Contains": lambda value, given: given in str(value),
    "In": lambda value, given: any(_equals(value, choice.strip()) for choice in given.split(",")),
    "GreaterThan": lambda value, given: _compared(value, given) > 0,
    "GreaterThanOrEqualTo": lambda value, given: _compared(value, given) >= 0,
    "LessThan": lambda value, given: _compared(value, given) < 0,
    "LessThanOrEqualTo": lambda value, given: _compared(value, given) <= 0,
}


QUICK_KEYS: Mapping[str, Callable[[Resource], float]] = {
    "LastModifiedTime": lambda one: one.updated,
    "CreationTime": lambda one: one.created,
}
"""What can be sorted by without building records."""


def _sort(found: list[Resource], record: Record, params: Mapping[str, Any]) -> None:
    name = params.get("SortBy", "LastModifiedTime")
    descending = params.get("SortOrder", "Descending") == "Descending"
    quick = QUICK_KEYS.get(name)
    if quick is not None:
        found.sort(key=lambda one: (quick(one), one.name), reverse=descending)
        return
    found.sort(key=lambda one: (*_sortable(_Properties(one, record).values(name)), one.name), reverse=descending)


def _sortable(values: list[Any]) -> tuple[int, float, str]:
    """Absent before numbers and times before text."""
    match values:
        case []:
            return 0, 0.0, ""
        case [datetime() as moment, *_]:
            return 1, moment.timestamp(), ""
        case [int() | float() as number, *_]:
            return 1, float(number), ""
        case _:
            return 2, 0.0, str(values[0])


def _recorder(wanted: str, now: float) -> Record:
    """How the full record of a kind is built; its tags are part of it."""
    describe: Mapping[str, Record] = {
        "TrainingJob": lambda job: training.describe(job, now=now),
        "Endpoint": endpoints.describe,
        "Model": inference.describe,
    }
    build = describe.get(wanted, _no_record)
    return lambda resource: {**build(resource), "Tags": tags.to_list(resource.tags)}


def _no_record(_: Resource) -> dict[str, Any]:
    return {}


def _wrapped(wanted: str, record: dict[str, Any]) -> dict[str, Any]:
    """A model's record stands one level deeper than the others."""
    return {"Model": record} if wanted == "Model" else record
