"""JSON Schemas of what users and programs see: manifests (for editors and CI) and the plan.

Draft-07, which editors' YAML language servers read best. A schema knows shapes; references, the catalog's rules and what
the Project's defaults supply are checked by ``reconciler validate`` alone.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from reconciler.domain.kinds.metadata import API_VERSION
from reconciler.domain.plan import Plan
from reconciler.domain.quantity import format_duration
from reconciler.manifest import defaults
from reconciler.manifest.shape import KINDS

_DRAFT = "http://json-schema.org/draft-07/schema#"
_REFERENCE = "#/definitions/{model}"


def schemas() -> dict[str, str]:
    """JSON text by file name; equal for equal kinds."""
    contents = {
        "manifest.schema.json": _manifest(),
        "environment.schema.json": _environment(),
        "plan.schema.json": _plan(),
    }
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in contents.items()}


def _manifest() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    for kind, (model, _) in KINDS.items():
        definitions |= _definitions(model, kind, mode="validation")
    return {
        "$schema": _DRAFT,
        "title": "Reconciler manifest",
        "description": "One document of a manifest: a Project, a Dataset, a FineTunedModel or a Policy.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": [*KINDS]}},
        "allOf": [_when(kind) for kind in KINDS],
        "definitions": dict(sorted(definitions.items())),
    }


def _environment() -> dict[str, Any]:
    """A manifest of which only the kind and the name must be said; null removes what the manifests say."""
    schema = _manifest()
    definitions = {
        name: definition if name in _COMPLETE else _partial(definition)
        for name, definition in schema["definitions"].items()
    }
    return schema | {
        "title": "Reconciler environment",
        "description": "One document of environments/NAME.yaml: what is otherwise there than in the manifest of that kind and name. "
        "Mappings are merged, lists are replaced, null removes.",
        "required": ["apiVersion", "kind"],
        "definitions": definitions,
    }


_IDENTITY = frozenset({"apiVersion", "kind", "name"})
_COMPLETE = frozenset(
    {"SplitValidation", "DatasetValidation", "ParentModel", "LocalWeights", "WeightsChoice", "PromotionGate"}
)
"""Replaced whole, as choices or in lists."""


def _partial(definition: dict[str, Any]) -> dict[str, Any]:
    """Nothing is required, nothing has a default, and everything but what names the document may be null."""
    partial = {key: value for key, value in definition.items() if key != "required"}
    if "properties" in partial:
        properties = partial["properties"].items()
        partial["properties"] = {name: field if name in _IDENTITY else _nullable(field) for name, field in properties}
    return partial


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in field.items() if key in ("description", "examples")}
    shape = {key: value for key, value in field.items() if key not in (*told, "default")}
    if isinstance(entries := shape.get("additionalProperties"), dict):
        shape["additionalProperties"] = {"anyOf": [entries, {"type": "null"}]}
    return {**told, "anyOf": [shape, {"type": "null"}]}


def _when(kind: str) -> dict[str, Any]:
    condition = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
    return {"if": condition, "then": {"$ref": _REFERENCE.format(model=kind)}}


def _plan() -> dict[str, Any]:
    """What ``plan --json`` prints: the Plan and what is derived from it. Open, since readers ignore keys they do not know."""
    definitions = _definitions(Plan, "Plan", mode="serialization")
    definitions["Change"]["properties"]["id"] = {"type": "string", "description": "What `dependsOn` names."}
    plan = definitions.pop("Plan")
    plan["properties"] |= _DERIVED
    opened: dict[str, Any] = _opened({"$schema": _DRAFT, **plan, "definitions": dict(sorted(definitions.items()))})
    return opened


_DERIVED: dict[str, Any] = {
    "summary": {
        "type": "object",
        "description": "Counts by action, every action named.",
        "additionalProperties": {"type": "integer"},
    },
    "applyable": {"type": "boolean", "description": "False where a diagnostic is an error."},
}


def _opened(schema: Any) -> Any:
    match schema:
        case dict():
            return {
                key: _opened(value) for key, value in schema.items() if (key, value) != ("additionalProperties", False)
            }
        case list():
            return [_opened(item) for item in schema]
        case _:
            return schema


_DEFAULTS: dict[str, dict[str, Any]] = {
    "Resources": {
        "instanceCount": defaults.INSTANCE_COUNT,
        "volumeSizeGB": defaults.VOLUME_SIZE_GB,
        "maxRuntime": format_duration(defaults.MAX_RUNTIME),
        "spot": defaults.SPOT,
    },
    "FineTunedModelSpec": {"revision": defaults.REVISION},
    "TrainingChoice": {"state": "run"},
    "DeploymentChoice": {"state": "undeployed"},
    "AutoUndeploy": {"timezone": defaults.TIMEZONE},
    "Retention": {"keepVersions": defaults.KEEP_VERSIONS},
    "Lifecycle": {
        "preventDestroy": defaults.PREVENT_DESTROY,
        "trainingRetries": defaults.TRAINING_RETRIES,
        "deletionPolicy": defaults.DELETION_POLICY,
    },
}
"""What is filled in, where it is the same for every base model."""


def _definitions(model: type[BaseModel], name: str, *, mode: Any) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, ref_template=_REFERENCE, mode=mode)
    inner = schema.pop("$defs", {})
    definitions = {key: _draft_07(value) for key, value in {**inner, name: schema}.items()}
    for kind, fields in _DEFAULTS.items():
        for field, default in fields.items() if kind in definitions else ():
            definitions[kind]["properties"][field]["default"] = default
    return definitions


def _draft_07(schema: Any) -> Any:
    """Draft-07 ignores what stands beside ``$ref``: the reference moves into ``allOf``. Generated titles and the empty
    defaults of fields left out say nothing.
    """
    match schema:
        case {"$ref": reference, **rest} if rest:
            return {"allOf": [{"$ref": reference}], **_draft_07(rest)}
        case dict():
            kept = {key: value for key, value in schema.items() if not _says_nothing(key, value)}
            return {key: _draft_07(value) for key, value in kept.items()}
        case list():
            return [_draft_07(item) for item in schema]
        case _:
            return schema


def _says_nothing(key: str, value: Any) -> bool:
    match key:
        case "title":
            return isinstance(value, str)
        case "default":
            return value is None or (isinstance(value, dict) and not any(item is not None for item in value.values()))
        case _:
            return False
