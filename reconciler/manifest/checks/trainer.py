"""``sft_config``, ``lora_config`` and ``model_init_config``: known to the libraries in the training image, of the right type, and
free of what the training program would refuse, before a job is paid for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.domain.catalog import InstanceType, ProviderName, Setting
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.checks.base_model import own_weights
from reconciler.manifest.checks.data import has_validation
from reconciler.manifest.checks.optional import reserved
from reconciler.manifest.explain import found
from reconciler.manifest.view import ModelView
from reconciler.training.arguments import FIXED, OURS, OWN
from reconciler.training.bounds import SEEDS, lacking, out_of_bounds
from reconciler.training.hyperparameters import INSTEAD, SECRETS, decoded

OPTIONAL = ("seed", "use_lora", "lora_config", "merge_adapters", "load_in_4bit", "sft_config", "model_init_config")
"""All that the training program takes beside the manifest's own hyperparameters."""

ATTENTION = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")
"""Transformers' ``attn_implementation``; ``owner/name`` is a kernel of the hub."""

FIXED_ADAPTERS: Mapping[str, str] = {
    "task_type": "a chat model is trained",
    "peft_type": "LoRA is trained",
    "inference_mode": "a model is trained",
    "base_model_name_or_path": "it is the base model of the manifest",
    "peft_version": "it is the container's",
}
"""Settings of LoraConfig that the training program decides."""

_DTYPE = Setting(kinds=("string", "null"), choices=("auto", "bfloat16", "float16", "float32"))

MODEL_INIT: Mapping[str, Setting] = {
    "attn_implementation": Setting(kinds=("string", "null")),
    "dtype": _DTYPE,
    "torch_dtype": _DTYPE,
    "load_in_4bit": Setting(kinds=("boolean",)),
    "revision": Setting(kinds=("string",)),
    "trust_remote_code": Setting(kinds=("boolean",)),
    "use_cache": Setting(kinds=("boolean",)),
}
"""Of what ``AutoModelForCausalLM.from_pretrained`` takes, which is not closed: models bring settings of their own."""


def check_trainer(view: ModelView) -> Iterator[Diagnostic]:
    """Values are read as the program will read them: truth values and structures may be texts."""
    optional = view.data.get("hyperparameters", {}).get("optional")
    if not isinstance(optional, Mapping) or view.provider is ProviderName.BEDROCK:
        return
    given = {name: decoded(value) for name, value in optional.items()}
    yield from _names(view, given)
    yield from _simple(view, given)
    yield from _settings(view, given)
    structures = ("sft_config", "model_init_config", "lora_config")
    if all(isinstance(given.get(part, {}), Mapping) for part in structures):
        for check in (_precision, _attention, _evaluation, _quantisation, _adapters):
            yield from check(view, given)


def _names(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for name in (name for name in given if name not in OPTIONAL and not reserved(name)):
        yield _error(
            view,
            "unknown-optional-hyperparameter",
            "The training program does not have the optional hyperparameter",
            name,
            detail=f"`{name}` is none of {', '.join(OPTIONAL)}.",
            hint=did_you_mean(str(name), OPTIONAL) or "settings of TRL's SFTConfig go into `sft_config`",
        )


_INSTEAD = {part: dict.fromkeys(names, INSTEAD) for part, names in SECRETS.items()}
_DECIDED: Mapping[str, Mapping[str, str]] = {
    "sft_config": {
        **{name: f"use the hyperparameter `{own}`" for name, own in OWN.items()},
        **FIXED,
        **_INSTEAD["sft_config"],
    },
    "lora_config": FIXED_ADAPTERS,
    "model_init_config": _INSTEAD["model_init_config"],
}
"""Why a setting cannot be set. Those that the manifest itself has are told beside."""


def _simple(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """The structures, and what is a value of its own. ``use_lora`` and ``lora_config`` are checked beside."""
    kinds = {"seed": "integer", "merge_adapters": "boolean", "load_in_4bit": "boolean"}
    kinds |= dict.fromkeys(("sft_config", "model_init_config"), "mapping")
    for name, kind in kinds.items():
        if name in given and not _is(given[name], kind):
            yield _wrong(view, (name,), given[name], Setting(kinds=(kind,)))
    if _is(given.get("seed"), "integer") and not 0 <= given["seed"] < SEEDS:
        yield _beyond(view, ("seed",), given["seed"], f"from 0 to below {SEEDS}")


def _settings(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    known = view.around.catalog.trainer_settings
    for part, settings, library in (
        ("sft_config", known.sft_config, "trl"),
        ("lora_config", known.lora_config, "peft"),
        ("model_init_config", MODEL_INIT, None),
    ):
        values = given.get(part)
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if reserved(name):  # told beside
                continue
            if name in _DECIDED[part]:
                yield _fixed(view, part, name, _DECIDED[part][name])
            elif name in settings:
                yield from _value(view, (part, name), value, settings[name])
            elif library is not None and name not in OURS:
                yield _unknown(view, part, name, settings, f"{library} {known.libraries[library]}")
        yield from _numbers(view, part, values) if isinstance(values, Mapping) else ()


def _numbers(view: ModelView, part: str, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Those of ``lora_config`` are bounded beside, with ``use_lora``."""
    for name, expected in out_of_bounds(part, values) if part != "lora_config" else ():
        yield _beyond(view, (part, name), values[name], expected)
    for name, other in lacking(part, values):
        yield _conflict(view, (part, name), f"`{name}` is refused without `{other}`.", f"add `{other}`, or remove it")


def _unknown(view: ModelView, part: str, name: str, known: Mapping[str, Setting], library: str) -> Diagnostic:
    """In an image of the user's own the libraries may be others."""
    own = view.given("resources", "image")
    tell = view.warning if own else view.error
    image = "your image may have another version" if own else "the training image has that version"
    return tell(
        "unknown-trainer-setting",
        "A setting is not known to the training library",
        *("hyperparameters", "optional", part, name),
        detail=f"`{part}.{name}` is no setting of {library}; {image}.",
        hint=did_you_mean(name, known),
    )


def _fixed(view: ModelView, part: str, name: str, why: str) -> Diagnostic:
    return _error(
        view,
        "fixed-trainer-setting",
        "The training program decides the setting",
        part,
        name,
        detail=f"`{part}.{name}` cannot be set: {why}.",
        hint="remove it",
    )


def _value(view: ModelView, path: tuple[str, ...], value: Any, setting: Setting) -> Iterator[Diagnostic]:
    """What no type is known of is not judged."""
    right_kind = not setting.kinds or any(_is(value, kind) for kind in setting.kinds)
    is_choice = not isinstance(value, str) or any(_fits(value, choice) for choice in setting.choices)
    if not right_kind or (setting.choices and not is_choice):
        yield _wrong(view, path, value, setting, certain=not right_kind or not view.given("resources", "image"))


def _fits(value: str, choice: str) -> bool:
    """``pissa_niter_[number of iters]`` stands for many."""
    stem, pattern, _ = choice.partition("[")
    return value.startswith(stem) if pattern else value == choice


def _wrong(view: ModelView, path: tuple[str, ...], value: Any, setting: Setting, *, certain: bool = True) -> Diagnostic:
    """Not ``certain``: other versions of the library, in an image of the user's own, may know the text."""
    kinds = [_WORDS[kind] for kind in setting.kinds if kind != "null" and not (kind == "string" and setting.choices)]
    expected = " or ".join([*kinds, *setting.choices])
    return (view.error if certain else view.warning)(
        "invalid-trainer-setting",
        "A setting of the training library is not valid",
        *("hyperparameters", "optional", *path),
        detail=f"`{'.'.join(path)}` is {found(value)}; expected {expected}.",
        hint=did_you_mean(value, setting.choices) if isinstance(value, str) else "",
    )


def _beyond(view: ModelView, path: tuple[str, ...], value: Any, expected: str) -> Diagnostic:
    detail = f"`{'.'.join(path)}` is {found(value)}; expected {expected}."
    return _error(
        view, "invalid-trainer-setting", "A setting of the training library is not valid", *path, detail=detail
    )


_WORDS = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "mapping": "a mapping",
    "list": "a list",
}


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "mapping":
            return isinstance(value, Mapping)
        case "list":
            return isinstance(value, list)
        case _:
            return value is None


# -- what cannot be trained as it is asked for


def _precision(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """
    ====== ====== =================== =============================
    bf16   fp16   GPU
    ====== ====== =================== =============================
    true   true   any                 error
    true   else   does not compute it error
    else   any    any                 fine
    ====== ====== =================== =============================
    """
    sft = given.get("sft_config", {})
    if sft.get("bf16") is not True:
        return
    if sft.get("fp16") is True:
        yield _conflict(view, ("sft_config", "fp16"), "`bf16` and `fp16` are both true.", "keep one of them")
    for instance in _instances(view):
        if instance.accelerator and instance.accelerator.bf16 is False:
            yield _gpu(view, ("sft_config", "bf16"), instance, "BF16", "write `fp16: true`")


def _attention(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """
    ================= ============================ ======================
    attention         sft_config                   GPU
    ================= ============================ ======================
    flash             fp16: true, or bf16: false   error: it forces BF16
    flash_attention_2 any                          must have it
    unknown           any                          error
    all else          any                          fine
    ================= ============================ ======================
    """
    name, sft = given.get("model_init_config", {}).get("attn_implementation"), given.get("sft_config", {})
    path = ("model_init_config", "attn_implementation")
    if not isinstance(name, str):
        return
    if name not in ATTENTION and "/" not in name:
        yield _wrong(view, path, name, Setting(kinds=("string",), choices=ATTENTION))
    if "flash" not in name:
        return
    if sft.get("fp16") is True or sft.get("bf16") is False:
        key = "fp16" if sft.get("fp16") is True else "bf16"
        detail = f"`{name}` computes in BF16, and `sft_config.{key}` is {found(sft[key])}."
        yield _conflict(view, ("sft_config", key), detail, "remove it, or choose sdpa")
    for instance in _instances(view):
        if instance.accelerator and instance.accelerator.flash_attention_2 is False:
            yield _gpu(view, path, instance, "flash attention 2", "write `attn_implementation: sdpa`")


def _evaluation(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """
    ================= ============= =============== ===================================
    the best is kept  eval_strategy save_strategy
    ================= ============= =============== ===================================
    any               steps, epoch  any             validation data is needed
    asked for         no            any             error: there is nothing to watch
    asked for         one           another         error: the best checkpoint is kept
    ================= ============= =============== ===================================

    It is by early stopping, and by ``load_best_model_at_end``.
    """
    sft, stops = given.get("sft_config", {}), view.given("hyperparameters", "earlyStopping")
    validated = has_validation(view)
    rhythm = sft.get("eval_strategy", "epoch" if validated else "no")
    saving = sft.get("save_strategy", rhythm)
    path = ("sft_config", "eval_strategy")
    if not validated and view.intact("dataset", "validation"):
        yield from _unvalidated(view, sft)
    if not (stops or sft.get("load_best_model_at_end") is True):
        return
    what = "Early stopping" if stops else "`load_best_model_at_end`"
    if validated and rhythm == "no":
        yield _conflict(view, path, f"{what} watches evaluations, and `eval_strategy` is `no`.", "remove it")
    elif saving != rhythm:
        detail = f"{what} keeps the best checkpoint: `save_strategy: {saving}` is not `eval_strategy`, {rhythm}."
        yield _conflict(view, ("sft_config", "save_strategy"), detail, f"write `save_strategy: {rhythm}`, or remove it")


def _unvalidated(view: ModelView, sft: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Early stopping is told of beside."""
    asks = {
        "eval_strategy": sft.get("eval_strategy") in ("steps", "epoch"),
        **{name: sft.get(name) is True for name in ("eval_on_start", "load_best_model_at_end")},
    }
    for name in (name for name, is_asked in asks.items() if is_asked):
        detail = f"`{name}: {str(sft[name]).lower()}` evaluates on validation data, and there is none."
        yield _conflict(view, ("sft_config", name), detail, "write `validation: {split: 10%}`, or remove it")


def _quantisation(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    nested = given.get("model_init_config", {}).get("load_in_4bit") is True
    if (nested or given.get("load_in_4bit") is True) and given.get("use_lora") is not True:
        path = ("model_init_config", "load_in_4bit") if nested else ("load_in_4bit",)
        yield _conflict(
            view, path, "Quantised weights are not trained, adapters over them are.", "add `use_lora: true`"
        )


def _adapters(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Adapters alone are served over the weights that they were trained on, which must be found again.

    ======================= =================== ==================================================
    built on                weights             adapters alone
    ======================= =================== ==================================================
    another model           its own             error: what it made of the base model is lost
    a gated base model      from Hugging Face   error on AWS: no container can fetch them to serve
    any other               wherever            fine
    ======================= =================== ==================================================
    """
    if given.get("use_lora") is not True or given.get("merge_adapters") is not False:
        return
    hint = "remove `merge_adapters: false`"
    if view.parent is not None:
        detail = f"Adapters alone would be served over `{view.base_name}`, without what `{view.parent}` learned."
        yield _conflict(view, ("merge_adapters",), detail, hint)
    elif view.around.is_aws and _is_deployed(view):
        gated = view.base is not None and view.base.sagemaker is not None and view.base.sagemaker.gated
        if gated and not own_weights(view):
            detail = f"Adapters alone are served over `{view.base_name}`, which is gated: the inference container has no token."
            yield _conflict(view, ("merge_adapters",), detail, f"{hint}, or name weights in a bucket of yours")
        yield from _not_served(view, given.get("lora_config", {}))


def _not_served(view: ModelView, lora: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What vLLM does not load as an adapter (``PEFTHelper.validate_legal``)."""
    refused = {"bias": lora.get("bias", "none") != "none", "use_dora": lora.get("use_dora") is True}
    refused["modules_to_save"] = bool(lora.get("modules_to_save"))
    for name in (name for name, is_refused in refused.items() if is_refused):
        detail = f"The inference container serves no adapters with `{name}`."
        yield _conflict(view, ("lora_config", name), detail, "remove it, or `merge_adapters: false`")


def _is_deployed(view: ModelView) -> bool:
    return view.spec.deployment is not None and view.spec.deployment.state == "deployed"


def _instances(view: ModelView) -> Iterator[InstanceType]:
    """All that the training may run on, as far as the manifest names them."""
    resources = view.spec.resources
    named = (resources.instance_type, *(resources.fallback_instance_types or ())) if resources else ()
    known = (view.around.catalog.instance(name) for name in named if name)
    return (instance for instance in known if instance is not None)


def _gpu(view: ModelView, path: tuple[str, ...], instance: InstanceType, what: str, hint: str) -> Diagnostic:
    assert instance.accelerator is not None
    detail = f"{instance.name} has {instance.accelerator.name} GPUs, which do not have {what}."
    return _conflict(view, path, detail, f"{hint}, or choose an instance with a newer GPU")


def _conflict(view: ModelView, path: tuple[str, ...], detail: str, hint: str) -> Diagnostic:
    summary = "The training would be refused where it runs"
    return _error(view, "conflicting-trainer-settings", summary, *path, detail=detail, hint=hint)


def _error(view: ModelView, code: str, summary: str, *path: str, detail: str, hint: str = "") -> Diagnostic:
    return view.error(code, summary, *("hyperparameters", "optional", *path), detail=detail, hint=hint)
