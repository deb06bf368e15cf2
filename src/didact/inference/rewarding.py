"""A local reward model: conversations become tokens, go through in batches, and get a number each.

Sorted by length and padded at the end; the classifier reads the last token that is no padding, by
the model's own rule, for which the padding token is set where the configuration names none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from didact.errors import ConfigError, ModelError
from didact.inference.crowd import Crowd
from didact.inference.memory import give_back
from didact.inference.texts import Tokenizer
from didact.inference.weights import Device, Precision, fingerprint, limit_of, loaders, locate
from didact.records import Message, Reply, Request, Usage
from didact.text.chat import render

__all__ = ["Rewarder"]

# Tokens that go through the model at once, padding included.
_AT_ONCE_CPU = 4096
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """A classifier ready to be asked."""

    model: Any
    tokenizer: Tokenizer
    device: str
    limit: int | None
    padding: int


class Rewarder:
    """One directory of a sequence classifier, and what waits to be rewarded by it."""

    def __init__(
        self, path: str, *, name: str, device: Device, dtype: Precision, longest: int | None
    ) -> None:
        self._path = path
        self._name = name
        self._device: Device = device
        self._dtype: Precision = dtype
        self._longest = longest
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reward")
        self._crowd = Crowd[list[int], float](self._run, self._worker)
        self._loaded: _Judge | None = None

    @cached_property
    def directory(self) -> Path:
        """Where the model is; a ConfigError where there is none."""
        return locate(self._path)

    @cached_property
    def identity(self) -> str:
        """Hash of everything that decides a reward, wherever the directory is."""
        settings = [f"longest={self._longest}", f"dtype={self._dtype}"]
        return f"reward:{fingerprint(self.directory, settings)}"

    async def ask(self, request: Request) -> Reply:
        """The reward of a conversation, as the reply's text."""
        if not request.messages:
            raise ModelError(
                f"{self._name}: a reward is given to a conversation, not to a plain prompt",
                fault="request",
            )
        if self._loaded is None:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._load)
        assert self._loaded is not None
        ids = self._encoded(self._loaded, request.messages)
        reward = await self._crowd.submit(ids)
        return Reply(
            text=f"{reward:.6g}", usage=Usage(prompt=len(ids), completion=1), model=self._name
        )

    def _encoded(self, judge: _Judge, messages: Sequence[Message]) -> list[int]:
        from jinja2 import TemplateError

        tokenizer = judge.tokenizer
        if tokenizer.chat_template is None:
            text = render(messages, bos=tokenizer.bos_token or "", eos=tokenizer.eos_token or "")
        else:
            turns = [message.to_json() for message in messages]
            try:
                text = tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=False
                )
            except TemplateError as error:
                raise ModelError(
                    f"the model's chat template refuses the messages: {error}", fault="request"
                ) from error
        ids = tokenizer.encode(text, add_special_tokens=False, verbose=False)
        # The answer is at the end: what is too long loses its beginning.
        limits = [limit for limit in (judge.limit, self._longest) if limit is not None]
        ids = ids[-min(limits) :] if limits else ids
        if not ids:
            raise ModelError(f"{self._name}: there is nothing to reward", fault="request")
        return ids

    def _run(self, batch: Sequence[list[int]]) -> list[float]:
        """Rewards in the order of the batch, on the worker thread."""
        import torch

        self._load()
        judge = self._loaded
        assert judge is not None
        most = _AT_ONCE_CPU if judge.device == "cpu" else _AT_ONCE
        order = sorted(range(len(batch)), key=lambda place: len(batch[place]))
        found: dict[int, float] = {}
        start = 0
        with torch.inference_mode():
            while start < len(order):
                end = start + 1
                while end < len(order) and len(batch[order[end]]) * (end + 1 - start) <= most:
                    end += 1
                places, start = order[start:end], end
                width = len(batch[places[-1]])
                rows = [batch[place] for place in places]
                padded = [ids + [judge.padding] * (width - len(ids)) for ids in rows]
                seen = [[1] * len(ids) + [0] * (width - len(ids)) for ids in rows]
                logits = judge.model(
                    input_ids=torch.tensor(padded, device=judge.device),
                    attention_mask=torch.tensor(seen, device=judge.device),
                ).logits
                values: list[float] = logits[:, 0].float().tolist()
                found |= dict(zip(places, values, strict=True))
        return [found[place] for place in range(len(batch))]

    def _load(self) -> None:
        if self._loaded is None:
            self._loaded = _load(self.directory, device=self._device, dtype=self._dtype)

    async def close(self) -> None:
        """Free the weights; the next request would load them again."""
        self._loaded = None
        give_back()


def _load(directory: Path, *, device: Device, dtype: Precision) -> _Judge:
    """Tokenizer and weights, quietly; ConfigError where they are not those of a reward model."""
    tokenizers, models, place, kind = loaders(
        "AutoModelForSequenceClassification", what="a reward model", device=device, dtype=dtype
    )
    from safetensors import SafetensorError

    try:
        words = tokenizers.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=False
        )
        model, report = models.from_pretrained(
            str(directory),
            dtype=kind,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"model {directory} cannot be loaded as a classifier: {reason}"
        ) from error
    if missing := sorted(report["missing_keys"]):
        # A language model loads as a classifier too, with a head of random numbers.
        raise ConfigError(
            f"model {directory} is no reward model: it has no {', '.join(missing)[:200]}"
        )
    if model.config.num_labels != 1:
        raise ConfigError(
            f"model {directory} is a classifier of {model.config.num_labels} classes; a reward"
            " model has one output"
        )
    padding = next(
        (
            t
            for t in (model.config.pad_token_id, words.pad_token_id, words.eos_token_id)
            if t is not None
        ),
        0,
    )
    model.config.pad_token_id = padding
    return _Judge(
        model=model.to(place).eval(),
        tokenizer=cast("Tokenizer", words),
        device=place,
        limit=limit_of(model),
        padding=padding,
    )
