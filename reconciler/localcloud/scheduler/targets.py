"""Universal targets: `arn:aws:scheduler:::aws-sdk:<service>:<apiAction>` with the call's parameters as JSON.

Source: the user guide's page on universal targets. Parameters are written with a capital first letter whatever the API's
own spelling (`ProvisionedModelId`); here either is taken. Actions that only read are refused, as AWS refuses them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.session import get_session

READ_ONLY = re.compile(
    "(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|retrieve|batchGet|batchDescribe"
    "|batchRead|transactGet|adminGet|adminList|testMigration|testConnection|translateDocument|isAuthorized|invokeModel)"
    "(?![a-z])"
)


class InvalidTarget(ValueError):
    """A target that EventBridge Scheduler refuses, or an input that its call cannot take."""


@dataclass(frozen=True)
class ApiCall:
    """An operation in botocore's spelling, and its parameters in the API's."""

    service: str
    operation: str
    parameters: dict[str, Any]


def check_target(arn: str, text: str | None) -> None:
    """Raises InvalidTarget for a universal target that cannot be. Targets of other kinds pass: they fail when they fire."""
    if is_universal(arn):
        api_action(arn)
        _json_object(text)


def is_universal(arn: str) -> bool:
    return ":aws-sdk:" in arn


def api_call(arn: str, text: str | None) -> ApiCall:
    """Raises InvalidTarget."""
    service, operation = api_action(arn)
    shape = _service_model(service).operation_model(operation).input_shape
    parameters = _json_object(text)
    return ApiCall(service, operation, _in_api_spelling(shape, parameters, "Input") if shape else parameters)


def api_action(arn: str) -> tuple[str, str]:
    """Service and operation, both in botocore's spelling. Raises InvalidTarget."""
    parts = re.fullmatch(r"arn:aws[a-z-]*:scheduler:::aws-sdk:([a-z0-9-]+):([a-z][A-Za-z0-9]+)", arn)
    if parts is None:
        raise InvalidTarget(f"{arn} is not arn:aws:scheduler:::aws-sdk:<service>:<apiAction>")
    service, action = parts.groups()
    if READ_ONLY.match(action):
        raise InvalidTarget(f"{arn}: actions that only read are no targets")
    operation = action[0].upper() + action[1:]
    if operation not in _service_model(service).operation_names:
        raise InvalidTarget(f"{arn}: {service} has no action {action}")
    return service, operation


@lru_cache(maxsize=8)
def _service_model(service: str) -> ServiceModel:
    try:
        return get_session().get_service_model(service)
    except UnknownServiceError as wrong:
        raise InvalidTarget(f"the service {service} is not known") from wrong


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError as wrong:
        raise InvalidTarget(f"the target's Input is not valid JSON: {wrong}") from wrong
    if not isinstance(value, dict):
        raise InvalidTarget("the target's Input must be a JSON object")
    return value


JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}
"""What JSON must give for a shape of botocore's; for all other shapes a string."""


def _in_api_spelling(shape: Shape, value: Any, path: str) -> Any:
    """The value with each structure's keys as the API spells them. Raises InvalidTarget for a value of another type."""
    fits = isinstance(value, JSON_TYPES.get(shape.type_name, str))
    if not fits:
        raise InvalidTarget(f"{path} must be a {shape.type_name}, not {json.dumps(value)[:80]}")
    match shape:
        case StructureShape():
            return _structure(shape, value, path)
        case ListShape():
            return [_in_api_spelling(shape.member, item, f"{path}[{place}]") for place, item in enumerate(value)]
        case MapShape():
            return {key: _in_api_spelling(shape.value, item, f"{path}.{key}") for key, item in value.items()}
        case _:
            return value


def _structure(shape: StructureShape, value: Mapping[str, Any], path: str) -> dict[str, Any]:
    spelling = {_capital(member): member for member in shape.members}
    unknown = [key for key in value if _capital(key) not in spelling]
    if unknown:
        raise InvalidTarget(f"{path} has no parameter {', '.join(unknown)}")
    members = {spelling[_capital(key)]: item for key, item in value.items()}
    return {key: _in_api_spelling(shape.members[key], item, f"{path}.{key}") for key, item in members.items()}


def _capital(key: str) -> str:
    return key[:1].upper() + key[1:]
