"""Runs training steps on fake tensors. ``python -m reconciler.estimators.probe.step`` reads setups as JSON lines, and writes the peak
of each in bytes, or why there is none, as JSON lines.

Depth is linear in every moment of a step, but another moment can set the peak of a deeper model. So two shallow models are run, each
moment is extrapolated by itself, and the largest is taken.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers.models.llama import modeling_llama as llama
from transformers.models.mixtral import modeling_mixtral as mixtral
from transformers.models.qwen2 import modeling_qwen2 as qwen2
from transformers.models.qwen3 import modeling_qwen3 as qwen3
from trl.kernels import chunked_logprob
from trl.trainer.utils import add_fused_lm_head

from reconciler.estimators.probe.live import LiveBytes
from reconciler.estimators.probe.quantised import pack
from reconciler.estimators.setup import Dtype

SHALLOW = (3, 4)
"""Layers of the two models that are run: a first, a last, and what is between."""

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def main() -> None:
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = peaks(json.loads(line))
        except Exception as problem:
            answer = {"problem": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def peaks(setup: Mapping[str, Any]) -> dict[str, Any]:
    """``{"peak": bytes, "moment": name, "moments": {name: bytes}}`` of the second step, when the optimizer's moments exist."""
    depth = setup["layers"]
    if depth <= SHALLOW[1]:
        found: Mapping[str, float] = _measured(setup, depth)
    else:
        less, more = (_measured(setup, layers) for layers in SHALLOW)
        found = {name: _extrapolated(less[name], more[name], depth) for name in less}
    moment = max(found, key=lambda name: found[name])
    return {"peak": int(found[moment]), "moment": moment, "moments": {name: int(size) for name, size in found.items()}}


def _extrapolated(less: int, more: int, depth: int) -> float:
    few, many = SHALLOW
    return less + (more - less) * (depth - few) / (many - few)


def _measured(setup: Mapping[str, Any], layers: int) -> dict[str, int]:
    live = LiveBytes()
    with _as_on_a_gpu(setup), FakeTensorMode(allow_non_fake_inputs=True), live:
        model = _model(setup, layers)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = _optimizer(setup["optimizer"], trained)
        batch = {"input_ids": torch.randint(0, 100, (setup["micro_batch"], setup["sequence"]))}
        batch["labels"] = batch["input_ids"]
        if setup["padded"]:
            batch["attention_mask"] = torch.ones_like(batch["input_ids"])
        if setup["loss"] == "chunked":
            batch["fused_lm_head"] = True
        _watched(_layers(model), live)
        for _ in range(2):
            live.peaks.clear()
            _step(model, [batch] * setup["passes"], optimizer, live, autocast=setup["autocast"])
    return dict(live.peaks)


def _step(model: Any, batches: list[Any], optimizer: Any, live: LiveBytes, *, autocast: bool) -> None:
    for batch in batches:
        live.moment = "forward"
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            loss = model(**batch).loss
        live.moment = "loss"
        loss.backward()
        del loss
    live.moment = "optimizer step"
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _model(setup: Mapping[str, Any], layers: int) -> Any:
    attention = "eager" if setup["attention"] == "eager" else "sdpa"
    model = transformers.AutoModelForCausalLM.from_config(
        _config(setup, layers), dtype=_DTYPES.get(setup["weights"], torch.bfloat16), attn_implementation=attention
    )
    if setup["weights"] not in _DTYPES:
        pack(model, Dtype(setup["weights"]))
    if setup["loss"] == "chunked":
        add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    if setup["lora_targets"]:
        model = _with_adapters(model, setup)
    if setup["gradient_checkpointing"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    return model.train()


def _config(setup: Mapping[str, Any], layers: int) -> Any:
    """The family whose code has these parts."""
    common = {
        "hidden_size": setup["hidden"],
        "num_hidden_layers": layers,
        "num_attention_heads": setup["heads"],
        "num_key_value_heads": setup["kv_heads"],
        "intermediate_size": setup["ffn"],
        "vocab_size": setup["vocab"],
        "head_dim": setup["head_dim"],
        "tie_word_embeddings": setup["tied"],
        "max_position_embeddings": max(4096, setup["sequence"]),
        "use_cache": False,
    }
    if setup["experts"] > 1:
        routed = {"num_local_experts": setup["experts"], "num_experts_per_tok": setup["experts_per_token"]}
        return transformers.MixtralConfig(**common, **routed)
    if setup["qk_norm"]:
        return transformers.Qwen3Config(**common)
    return transformers.Qwen2Config(**common) if setup["qkv_bias"] else transformers.LlamaConfig(**common)


def _with_adapters(model: Any, setup: Mapping[str, Any]) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=setup["lora_rank"],
        lora_alpha=2 * setup["lora_rank"],
        lora_dropout=setup["lora_dropout"],
        target_modules=list(setup["lora_targets"]),
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(model, config, autocast_adapter_dtype=setup["adapters"] == "fp32")
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(_DTYPES[setup["adapters"]])
    return adapted


def _optimizer(name: str, trained: list[Any]) -> Any:
    match name:
        case "adamw_fused" | "adamw_foreach":
            return torch.optim.AdamW(trained, lr=1e-4, fused=name == "adamw_fused", foreach=name == "adamw_foreach")
        case "sgd" | "sgd_momentum":
            return torch.optim.SGD(trained, lr=1e-4, momentum=0.9 if name == "sgd_momentum" else 0.0, foreach=False)
        case "adafactor":
            from transformers.optimization import Adafactor

            return Adafactor(trained, lr=1e-4, relative_step=False, scale_parameter=False)
        case _:
            raise ValueError(f"the optimizer {name} has kernels of its own")


def _layers(model: Any) -> Any:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return base.model.layers


def _watched(layers: Any, live: LiveBytes) -> None:
    """Names the moments of the backward pass by the gradients that are there: of the last layer's output, then of each layer's input."""
    last = len(layers) - 1
    layers[last].register_forward_hook(lambda _module, _args, output: _tell(_first(output), "last layer", live))
    for index, layer in enumerate(layers):
        following = {0: "embedding", 1: "first layer"}.get(index, "middle layers")
        layer.register_forward_pre_hook(_telling(following, live), with_kwargs=True)


def _telling(moment: str, live: LiveBytes) -> Any:
    def hook(_module: Any, args: Any, kwargs: Mapping[str, Any]) -> None:
        _tell(args[0] if args else kwargs["hidden_states"], moment, live)

    return hook


def _tell(hidden: Any, moment: str, live: LiveBytes) -> None:
    """Forward hooks run again where activations are computed again: only the first time counts."""
    if live.moment == "forward" and hidden.requires_grad:
        hidden.register_hook(lambda _gradient: setattr(live, "moment", moment))


def _first(output: Any) -> Any:
    return output[0] if isinstance(output, tuple) else output


@contextmanager
def _as_on_a_gpu(setup: Mapping[str, Any]) -> Iterator[None]:
    """Puts in place what fake tensors on a CPU hide, and takes it away afterwards: ``Module.to`` cannot swap their contents; causal masks
    are made in full although a GPU's kernels need none; dropout keeps one byte an element on a GPU; TRL's loss has kernels that
    work in place."""
    replaced: list[tuple[Any, str, Any]] = [
        (nn.Module, "_apply", _apply_to_fake),
        (nn.functional, "dropout", _dropout),
        (nn.functional, "softmax", _softmax),
        (chunked_logprob, "_forward_tile", _nothing),
        (chunked_logprob, "_backward_tile", _nothing),
        (chunked_logprob, "_addmm_fp32", _nothing),
    ]
    if setup["attention"] != "eager" and not setup["padded"]:
        replaced += [(module, "create_causal_mask", _nothing) for module in (llama, mixtral, qwen2, qwen3)]
    before = [getattr(place, name) for place, name, _ in replaced]
    for place, name, stand_in in replaced:
        setattr(place, name, stand_in)
    try:
        yield
    finally:
        for (place, name, _), original in zip(replaced, before, strict=True):
            setattr(place, name, original)


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


def _dropout(hidden: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    return torch.native_dropout(hidden, p, training)[0] if training and p > 0 else hidden


def _softmax(hidden: torch.Tensor, dim: int = -1, dtype: torch.dtype | None = None, **_more: Any) -> torch.Tensor:
    """A GPU's kernel reads 16 bits and writes 32."""
    widens = dtype is torch.float32 and hidden.dtype in (torch.bfloat16, torch.float16)
    return torch.ops.aten._softmax(hidden if widens else hidden.to(dtype or hidden.dtype), dim, widens)


def _apply_to_fake(module: Any, function: Any, recurse: bool = True) -> Any:
    for child in module.children() if recurse else ():
        child._apply(function)
    for name, parameter in module._parameters.items():
        if parameter is not None:
            with torch.no_grad():
                changed = function(parameter)
            if changed is not parameter:
                module._parameters[name] = nn.Parameter(changed, requires_grad=parameter.requires_grad)
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = function(buffer)
    return module


if __name__ == "__main__":
    main()
