"""What the training program would refuse of settings that are each valid: with each other, with the data, on the GPUs named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.domain.catalog import InstanceType
from reconciler.domain.diagnostic import Diagnostic
from reconciler.manifest.checks.base_model import own_weights
from reconciler.manifest.checks.data import has_validation
from reconciler.manifest.explain import found
from reconciler.manifest.view import ModelView

MOST_RANK = 512
"""Of adapters that vLLM serves: ``MaxLoRARanks`` in its ``config/lora.py``."""


def check_conflicts(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """``given``: the optional hyperparameters as the program reads them, its structures being structures."""
    for check in (_precision, _attention, _evaluation, _quantisation, _adapters, _here):
        yield from check(view, given)


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
        yield conflict(view, ("sft_config", "fp16"), "`bf16` and `fp16` are both true.", "keep one of them")
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
    all else          any                          fine
    ================= ============================ ======================
    """
    name, sft = given.get("model_init_config", {}).get("attn_implementation"), given.get("sft_config", {})
    path = ("model_init_config", "attn_implementation")
    if not isinstance(name, str) or "flash" not in name:
        return
    if sft.get("fp16") is True or sft.get("bf16") is False:
        key = "fp16" if sft.get("fp16") is True else "bf16"
        detail = f"`{name}` computes in BF16, and `sft_config.{key}` is {found(sft[key])}."
        yield conflict(view, ("sft_config", key), detail, "remove it, or choose sdpa")
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
        yield conflict(view, path, f"{what} watches evaluations, and `eval_strategy` is `no`.", "remove it")
    elif saving != rhythm:
        detail = f"{what} keeps the best checkpoint: `save_strategy: {saving}` is not `eval_strategy`, {rhythm}."
        yield conflict(view, ("sft_config", "save_strategy"), detail, f"write `save_strategy: {rhythm}`, or remove it")


def _unvalidated(view: ModelView, sft: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Early stopping is told of beside."""
    asks = {
        "eval_strategy": sft.get("eval_strategy") in ("steps", "epoch"),
        **{name: sft.get(name) is True for name in ("eval_on_start", "load_best_model_at_end")},
    }
    for name in (name for name, is_asked in asks.items() if is_asked):
        detail = f"`{name}: {str(sft[name]).lower()}` evaluates on validation data, and there is none."
        yield conflict(view, ("sft_config", name), detail, "write `validation: {split: 10%}`, or remove it")


def _quantisation(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    nested = given.get("model_init_config", {}).get("load_in_4bit") is True
    if not nested and given.get("load_in_4bit") is not True:
        return
    path = ("model_init_config", "load_in_4bit") if nested else ("load_in_4bit",)
    if given.get("use_lora") is not True:
        yield conflict(view, path, "Quantised weights are not trained, adapters over them are.", "add `use_lora: true`")
    for instance in _instances(view):
        if instance.accelerator and instance.accelerator.bf16 is False:
            yield _gpu(view, path, instance, "BF16, which adapters over quantised weights are held in", "remove it")


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
        yield conflict(view, ("merge_adapters",), detail, hint)
    elif view.around.is_aws and _is_deployed(view):
        gated = view.base is not None and view.base.sagemaker is not None and view.base.sagemaker.gated
        if gated and not own_weights(view):
            detail = f"Adapters alone are served over `{view.base_name}`, which is gated: the inference container has no token."
            yield conflict(view, ("merge_adapters",), detail, f"{hint}, or name weights in a bucket of yours")
        yield from _not_served(view, given.get("lora_config", {}))


def _not_served(view: ModelView, lora: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What vLLM does not load as an adapter (``PEFTHelper.validate_legal``), and ranks beyond its ``--max-lora-rank``."""
    ranks = {"r": [lora.get("r")], "rank_pattern": (lora.get("rank_pattern") or {}).values()}
    for name in (
        name for name, given in ranks.items() if any(isinstance(rank, int) and rank > MOST_RANK for rank in given)
    ):
        detail = f"The inference container serves adapters of a rank up to {MOST_RANK}."
        yield conflict(view, ("lora_config", name), detail, "lower it, or remove `merge_adapters: false`")
    refused = {"bias": lora.get("bias", "none") != "none", "use_dora": lora.get("use_dora") is True}
    refused["modules_to_save"] = bool(lora.get("modules_to_save"))
    for name in (name for name, is_refused in refused.items() if is_refused):
        detail = f"The inference container serves no adapters with `{name}`."
        yield conflict(view, ("lora_config", name), detail, "remove it, or `merge_adapters: false`")


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
    return conflict(view, path, detail, f"{hint}, or choose an instance with a newer GPU")


def _here(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Base models of the embedded cloud alone are trained on this machine, whatever the instance type; it may have a GPU."""
    if view.around.is_aws or view.base is None or not view.base.local_only:
        return
    sft, init = given.get("sft_config", {}), given.get("model_init_config", {})
    asks = {
        ("sft_config", "fp16"): sft.get("fp16") is True,
        ("model_init_config", "attn_implementation"): "flash" in str(init.get("attn_implementation")),
        ("model_init_config", "load_in_4bit"): init.get("load_in_4bit") is True,
        ("load_in_4bit",): given.get("load_in_4bit") is True,
    }
    for path in (path for path, is_asked in asks.items() if is_asked):
        yield view.warning(
            "needs-gpu-here",
            "The training needs a GPU in this machine",
            *("hyperparameters", "optional", *path),
            detail=f"`{view.base_name}` is trained on this machine, whatever `instanceType` says; `{path[-1]}` is refused without a GPU.",
            hint="remove it, unless this machine has one",
        )


def conflict(view: ModelView, path: tuple[str, ...], detail: str, hint: str) -> Diagnostic:
    summary = "The training would be refused where it runs"
    return error(view, "conflicting-trainer-settings", summary, *path, detail=detail, hint=hint)


def error(view: ModelView, code: str, summary: str, *path: str, detail: str, hint: str = "") -> Diagnostic:
    return view.error(code, summary, *("hyperparameters", "optional", *path), detail=detail, hint=hint)
