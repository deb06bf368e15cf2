"""A local model that scores texts: encode, gather, score, give back.

Requests that wait at the same time are scored together. What is heavy happens on one worker thread,
while the results before it are taken care of.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from didact.errors import ModelError
from didact.inference.chat_text import chat_text
from didact.inference.crowd import Crowd
from didact.inference.memory import give_back
from didact.inference.scoring import Asked, Scored, plain_head, score_all
from didact.inference.texts import Texts
from didact.inference.weights import Device, Loaded, Precision, fingerprint, load, locate
from didact.records import JSON, Reply, Request, Usage
from didact.text.forced import NUMBERS

__all__ = ["Scorer", "scores"]

# Texts whose tokens are remembered.
_REMEMBERED = 4096


def scores(request: Request) -> bool:
    """Whether a request is for scores: its schema fixes the reply, or asks for numbers."""
    return request.schema is not None and (
        "const" in request.schema or "enum" in request.schema or request.schema == NUMBERS
    )


class Scorer:
    """One model directory, and what waits to be scored by it."""

    def __init__(
        self, path: str, *, name: str, device: Device, dtype: Precision, longest: int | None
    ) -> None:
        self._path = path
        self._name = name
        self._device: Device = device
        self._dtype: Precision = dtype
        self._longest = longest
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scorer")
        self._crowd = Crowd[Asked, Scored](self._run, self._worker)
        self._loaded: Loaded | None = None
        self._texts: Texts | None = None
        self._plain = False
        self._tokens: dict[tuple[str, bool], list[int]] = {}

    @cached_property
    def directory(self) -> Path:
        """Where the model is; a ConfigError where there is none."""
        return locate(self._path)

    @cached_property
    def identity(self) -> str:
        """Hash of everything that decides a score, wherever the directory is."""
        settings = [f"longest={self._longest}", f"dtype={self._dtype}"]
        return f"scorer:{fingerprint(self.directory, settings)}"

    async def ask(self, request: Request) -> Reply:
        """Answer a request for scores; its ``logprobs``, or for numbers its text, is the answer."""
        loaded, texts = await self._ready()
        if request.prompt is None:
            asked = chat_text(loaded, request.messages)
            ids = self._encoded(loaded, texts, asked, special=False)
        else:
            ids = self._encoded(loaded, texts, request.prompt, special=True)
        schema = request.schema or {}
        if "const" in schema:
            return await self._forced(request, ids, str(schema["const"]))
        self._fits(loaded, len(ids), 1)
        if not ids:
            raise ModelError("nothing to score: the prompt is empty", fault="request")
        usage = Usage(prompt=len(ids))
        if "enum" in schema:
            options = [self._token(texts, option) for option in _listed(schema["enum"])]
            scored = await self._crowd.submit(Asked(ids=ids, options=options))
            return Reply(text="", usage=usage, logprobs=scored.logprobs, model=self._name)
        scored = await self._crowd.submit(Asked(ids=ids, vector=True))
        text = json.dumps([float(f"{value:.5g}") for value in scored.vector])
        return Reply(text=text, usage=usage, model=self._name)

    async def _forced(self, request: Request, ids: list[int], completion: str) -> Reply:
        """Log-probabilities of a given reply, up to ``max_tokens`` or what fits of it."""
        loaded, texts = await self._ready()
        target = self._encoded(loaded, texts, completion, special=False)
        room = min(self._fits(loaded, len(ids), 1), request.sampling.max_tokens)
        cut = target[:room]
        found = Scored()
        if len(cut) + len(ids) > 1:
            found = await self._crowd.submit(Asked(ids=ids, target=cut))
        return Reply(
            text="",
            finish="stop" if len(cut) == len(target) else "length",
            usage=Usage(prompt=len(ids), completion=len(cut)),
            logprobs=found.logprobs,
            model=self._name,
        )

    def _encoded(self, loaded: Loaded, texts: Texts, text: str, *, special: bool) -> list[int]:
        """The tokens of a text; an answer is scored twice, and templates repeat."""
        if (text, special) not in self._tokens:
            if len(self._tokens) >= _REMEMBERED:
                self._tokens.clear()
            # Half a surrogate pair is no text, and no tokenizer takes it.
            written = text.encode("utf-8", "replace").decode("utf-8")
            ids = texts.encode(written, special=special, ends=loaded.ends)
            self._tokens[text, special] = ids
        return self._tokens[text, special]

    def _fits(self, loaded: Loaded, tokens: int, more: int) -> int:
        """The room behind so many tokens; ModelError where it is less than ``more``."""
        limits = [limit for limit in (loaded.limit, self._longest) if limit is not None]
        room = min(limits, default=tokens + 1_000_000) - tokens
        if room < more:
            raise ModelError(
                f"a prompt of {tokens} tokens leaves no room in the {tokens + room} that the"
                " scorer reads",
                fault="too_long",
            )
        return room

    @staticmethod
    def _token(texts: Texts, option: str) -> int:
        ids = texts.encode(option, special=False)
        # Some tokenizers put a word's space before it as a token of its own.
        if len(ids) > 1 and not texts.decode(ids[:-1]).strip():
            ids = ids[-1:]
        if len(ids) != 1:
            raise ModelError(f"{option!r} is {len(ids)} tokens for this model", fault="request")
        return ids[0]

    async def close(self) -> None:
        """Free the weights; the next request would load them again."""
        self._loaded = self._texts = None
        self._tokens.clear()
        give_back()

    async def _ready(self) -> tuple[Loaded, Texts]:
        if self._loaded is None or self._texts is None:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._load)
        assert self._loaded is not None
        assert self._texts is not None
        return self._loaded, self._texts

    def _load(self) -> None:
        if self._loaded is None:
            self._loaded = load(self.directory, device=self._device, dtype=self._dtype)
            self._texts = Texts(self._loaded.tokenizer)
            self._plain = plain_head(self._loaded)

    def _run(self, batch: Sequence[Asked]) -> list[Scored]:
        """One batch, on the worker thread; in halves where it does not fit into a GPU's memory."""
        import torch

        self._load()
        assert self._loaded is not None
        try:
            return score_all(self._loaded, batch, plain=self._plain)
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                raise ModelError("the text does not fit into the GPU's memory") from error
        torch.cuda.empty_cache()
        middle = len(batch) // 2
        return self._run(batch[:middle]) + self._run(batch[middle:])


def _listed(value: JSON) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
