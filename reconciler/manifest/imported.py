"""A manifest for what was trained elsewhere, from what the cloud recorded of it. What could not be told stands as a comment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from reconciler.domain.catalog import Catalog, FoundationModel, ProviderName, Requirement
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.naming import NAME_PATTERN, is_legal_name
from reconciler.domain.quantity import format_duration
from reconciler.domain.survey import Importable, Serving, TrainingFacts
from reconciler.manifest.checks.trainer import OPTIONAL

SPELLINGS: Mapping[str, str] = {
    "epochs": "epochs",
    "epochcount": "epochs",
    "epoch": "epochs",
    "numepochs": "epochs",
    "numtrainepochs": "epochs",
    "learningrate": "learningRate",
    "lr": "learningRate",
    "batchsize": "batchSize",
    "trainbatchsize": "batchSize",
    "perdevicetrainbatchsize": "batchSize",
    "warmupsteps": "warmupSteps",
    "numwarmupsteps": "warmupSteps",
    "learningratewarmupsteps": "warmupSteps",
    "earlystoppingpatience": "earlyStopping.patience",
    "earlystoppingthreshold": "earlyStopping.threshold",
}
"""Spellings that mean what a field of the manifest means, beside the catalog's own for the base model; without case, hyphens and
underscores. ``warmup_ratio`` and ``max_steps`` are not among them: they mean something else."""

RESERVED = re.compile(r"maxsteps|warmupratio|lrwarmupstepsratio|learningratemultiplier|autofindbatchsize|earlystopping")
"""What a manifest may not name among its optional hyperparameters, and has no field for."""


@dataclass(frozen=True)
class Wishes:
    """What a person says where the cloud does not."""

    name: str | None = None
    base_model: str | None = None
    training: str | None = None
    validation: str | None = None


def model_name(found: Importable, wished: str | None) -> str:
    """Clients keep the name of what serves. Raises ReconcilerError where that cannot be."""
    serving = found.serving
    if serving and wished and wished != serving.name:
        raise ReconcilerError(
            f"{found.found.address} serves under the name {serving.name}: the model must be called that, not {wished}",
            hint="Clients keep one name. To serve under another: import, then set metadata.name and metadata.renamedFrom.",
        )
    name = wished or found.suggested_name
    if is_legal_name(name):
        return name
    if serving:
        told = "what serves it cannot be renamed in the cloud, so it cannot be imported; its training can, by itself"
        raise ReconcilerError(f"{name!r} is no legal name ({NAME_PATTERN}): {told}")
    raise ReconcilerError(
        f"{name!r} is no legal name: {NAME_PATTERN}, at most 63 characters", hint="Choose one: --name NAME."
    )


def base_model(found: Importable, catalog: Catalog, wished: str | None) -> FoundationModel:
    """The catalog's entry for what it was trained from. Raises ReconcilerError."""
    told = wished or found.facts.base
    matches = [model for model in catalog.models if told and found.provider in model.providers and _is(model, told)]
    if len(matches) == 1:
        return matches[0]
    if wished and (named := catalog.model(wished)):
        return named
    known = f"it was trained from {told!r}, which" if told else "what it was trained from is not recorded, so it"
    raise ReconcilerError(
        f"the base model of {found.version} cannot be told: {known} the catalog does not name",
        hint="Say it: --base-model KEY (`reconciler catalog models` lists the keys).",
    )


def manifest_text(found: Importable, name: str, base: FoundationModel, wishes: Wishes) -> str:
    """YAML. Settings that the cloud did not record are left to the defaults, and said so."""
    fundamental, optional, dropped = _hyperparameters(found, base)
    spec = _present(
        {
            "baseModel": base.key,
            "provider": str(found.provider) if len(base.providers) > 1 else None,
            "dataset": _dataset(found.facts, base, found.provider, wishes),
            "resources": _resources(found.facts) if found.provider is ProviderName.SAGEMAKER else None,
            "hyperparameters": fundamental | ({"optional": optional} if optional else {}),
            "deployment": _deployment(found.serving),
        }
    )
    spec["lifecycle"] = {"preventDestroy": True, "deletionPolicy": "retain"}
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "FineTunedModel",
        "metadata": {"name": name, "description": f"Imported from {found.found.address}."},
        "spec": spec,
    }
    return "".join(f"# {note}\n" for note in _notes(found, fundamental, base, dropped)) + _yaml(document)


def _is(model: FoundationModel, told: str) -> bool:
    """By key, Hugging Face repository, JumpStart id, or Bedrock id with or without its context length."""
    names = {model.key, *model.aliases}
    if model.sagemaker:
        names |= {model.sagemaker.hugging_face_repo or model.key, model.sagemaker.jumpstart_id or model.key}
    if model.bedrock:
        names |= {model.bedrock.model_id, model.bedrock.model_id.rpartition(":")[0]}
    return told.casefold() in {known.casefold() for known in names}


def _dataset(facts: TrainingFacts, base: FoundationModel, provider: ProviderName, wishes: Wishes) -> dict[str, Any]:
    validation = wishes.validation or facts.validation_uri
    required = base.validation.get(provider) is Requirement.REQUIRED
    chosen: Any = {"dataset": validation} if validation else None if required else "none"
    if base.validation.get(provider) is Requirement.UNSUPPORTED:
        chosen = None
    return _present({"training": wishes.training or facts.training_uri, "validation": chosen})


def _resources(facts: TrainingFacts) -> dict[str, Any]:
    return _present(
        {
            "instanceType": facts.instance_type,
            "instanceCount": facts.instance_count,
            "volumeSizeGB": facts.volume_size_gb,
            "maxRuntime": format_duration(facts.max_runtime) if facts.max_runtime else None,
            "spot": facts.spot or None,
        }
    )


def _deployment(serving: Serving | None) -> dict[str, Any]:
    if serving is None:
        return {"state": "undeployed"}
    match serving.kind:
        case DeploymentKind.REAL_TIME:
            more: dict[str, Any] = {"instanceType": serving.instance_type, "instanceCount": serving.instance_count}
        case DeploymentKind.PROVISIONED:
            more = {"throughput": {"modelUnits": serving.model_units or 1, "commitment": serving.commitment or "none"}}
        case DeploymentKind.ON_DEMAND:
            more = {"onDemand": True}
    return {"state": "deployed"} | _present(more)


def _hyperparameters(found: Importable, base: FoundationModel) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The manifest's own, the optional ones, and what no manifest can say: another program's own settings are among that."""
    wire = {rule.wire_name: rule.name for rule in base.hyperparameters.get(found.provider, ())}
    own: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    dropped: list[str] = []
    for key, text in sorted(found.facts.hyperparameters.items()):
        plain = re.sub(r"[-_\s]", "", key).lower()
        field = wire.get(key) or SPELLINGS.get(plain)
        if field and base.rule(found.provider, field):
            own[field] = _value(text)
        elif field or RESERVED.fullmatch(plain) or found.provider is ProviderName.BEDROCK or key not in OPTIONAL:
            dropped.append(f"{key}={text}")
        else:
            optional[key] = _value(text)
    return _nested(own), optional, dropped


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``earlyStopping.patience`` → ``earlyStopping: {patience: …}``."""
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        outer, _, inner = name.partition(".")
        if inner:
            nested.setdefault(outer, {})[inner] = value
        else:
            nested[outer] = value
    return nested


def _value(text: str) -> Any:
    """What a hyperparameter's text says: the SDKs write JSON, people write words."""
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False}.get(text, text)


def _notes(
    found: Importable, fundamental: Mapping[str, Any], base: FoundationModel, dropped: list[str]
) -> Iterator[str]:
    yield f"Imported from {found.found.address}: trained as {found.version}, adopted by its tags and not trained again."
    yield "Changing what decides a training (data, base model, hyperparameters, revision) trains a new version, as for any model."
    names = [rule.name for rule in base.hyperparameters.get(found.provider, ())]
    untold = [name for name in names if name.partition(".")[0] not in fundamental]
    if untold:
        yield f"Not recorded, so the defaults count: {', '.join(untold)}."
    if dropped:
        yield f"Recorded, and not to be said in a manifest: {', '.join(_one_line(text) for text in dropped)}."
    yield "Nothing here can be destroyed before somebody takes `preventDestroy` away."


def _one_line(text: str) -> str:
    """A comment ends with its line, whatever a hyperparameter holds."""
    line = " ".join(text.split())[:200]
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in line)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, {}, [])}


def _yaml(document: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    written = StringIO()
    yaml.dump(dict(document), written)
    return written.getvalue()
