"""Text by Transformers: one answer at a time, token by token. Imports torch: only for a process that serves."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from jinja2.exceptions import TemplateError
from transformers import TextIteratorStreamer

from reconciler.serving.engine import End, until_stop
from reconciler.serving.requests import Ask, BadRequest, Sampling

DEFAULT_MAX_TOKENS = 256
"""Where a request names none: a model that never ends its answers must not keep everybody else waiting."""


class TransformersEngine:
    """Answers come one after the other: a CPU gains nothing from two that share it."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generate")

    def generate(self, ask: Ask) -> Generator[str | End, None, None]:
        inputs = self._encoded(ask)
        prompt_tokens = int(inputs["input_ids"].shape[1])
        max_tokens = self._room(prompt_tokens, ask.sampling.max_tokens)
        streamer = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        cancelled = threading.Event()
        options = {"max_new_tokens": max_tokens, **self._options(ask.sampling)}
        written = self._worker.submit(self._write, inputs, options, ask.sampling.seed, streamer, cancelled)
        try:
            stopped = yield from until_stop(streamer, ask.sampling.stop)
            cancelled.set()
            yield self._end(prompt_tokens, max_tokens, written, stopped=stopped)
        finally:
            cancelled.set()

    def _encoded(self, ask: Ask) -> Any:
        """Token ids and mask of the prompt. Raises BadRequest where the model's template refuses the conversation."""
        if ask.prompt is not None:
            inputs = self._tokenizer(ask.prompt, return_tensors="pt")
        elif not self._tokenizer.chat_template:
            raise BadRequest("the model's tokenizer has no chat template: send `inputs` in place of `messages`")
        else:
            inputs = self._templated(ask)
        inputs.pop("token_type_ids", None)  # some tokenizers make them, and generate refuses them
        return inputs

    def _templated(self, ask: Ask) -> Any:
        messages = [dict(message) for message in ask.messages]
        try:
            return self._tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        except TemplateError as refused:
            raise BadRequest(f"the model's chat template refuses these messages: {refused}") from refused

    def _room(self, prompt_tokens: int, wanted: int | None) -> int:
        """How many tokens may be written. Raises BadRequest where the context does not hold them."""
        context = getattr(self._model.config, "max_position_embeddings", None)
        left = context - prompt_tokens if context else None
        if left is not None and (left < 1 or (wanted or 1) > left):
            asked = f" and the {wanted} that were asked for" if wanted else ""
            raise BadRequest(f"the model's context of {context} tokens does not hold the {prompt_tokens} given{asked}")
        return wanted or min(DEFAULT_MAX_TOKENS, left or DEFAULT_MAX_TOKENS)

    def _options(self, sampling: Sampling) -> dict[str, Any]:
        """For ``generate``: what a request leaves open comes from the model's generation_config.json, else it is 1."""
        own = self._model.generation_config
        ends = {"eos_token_id": self._ends(), "pad_token_id": self._pad()}
        temperature = _first(sampling.temperature, own.temperature, 1.0)
        if temperature == 0:
            return {**ends, "do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        top_p, top_k = _first(sampling.top_p, own.top_p, 1.0), _first(sampling.top_k, own.top_k, 0)
        return {**ends, "do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": top_k or None}

    def _ends(self) -> list[int]:
        """The ids that end an answer: the model's own and the tokenizer's."""
        own = self._model.generation_config.eos_token_id
        ids = [*(own if isinstance(own, list) else [own]), self._tokenizer.eos_token_id]
        return sorted({id for id in ids if id is not None})

    def _pad(self) -> int | None:
        ends = self._ends()
        return self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else next(iter(ends), None)

    def _write(
        self,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
        seed: int | None,
        streamer: Any,
        cancelled: threading.Event,
    ) -> list[int]:
        """The new token ids. In the worker's thread; whatever happens, the streamer's reader is let go."""
        try:
            if cancelled.is_set():
                return []
            torch.manual_seed(seed if seed is not None else torch.seed())
            with torch.inference_mode():
                given = {name: tensor.to(self._model.device) for name, tensor in inputs.items()}
                rest = {"streamer": streamer, "stopping_criteria": [_when(cancelled)], **options}
                made = self._model.generate(**given, **rest)
            return list(made[0, given["input_ids"].shape[1] :].tolist())
        finally:
            streamer.on_finalized_text("", stream_end=True)

    def _end(self, prompt_tokens: int, max_tokens: int, written: Future[list[int]], *, stopped: bool) -> End:
        tokens = written.result()
        ended = stopped or (bool(tokens) and tokens[-1] in self._ends())
        reason = "length" if len(tokens) >= max_tokens and not ended else "stop"
        return End(prompt_tokens, len(tokens), "length" if reason == "length" else "stop")


def _when(cancelled: threading.Event) -> Any:
    """A stopping criterion: one answer for each sequence of the batch."""

    def criterion(input_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((input_ids.shape[0],), cancelled.is_set(), dtype=torch.bool, device=input_ids.device)

    return criterion


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
