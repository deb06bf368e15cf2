"""A local model behind the interface of a Model: encode, batch, decode, count.

Shared by the components that answer in this process. Everything heavy happens on one worker
thread, which also keeps a single pool of compute threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

from didact.errors import ModelError
from didact.inference.chat_text import Template, chat_text
from didact.inference.decoding import Decoded, Job, generate, score
from didact.inference.gathering import Gatherer
from didact.inference.memory import give_back
from didact.inference.texts import Texts
from didact.inference.threads import torch_threads
from didact.inference.weights import Device, Loaded, Precision, fingerprint, load, locate
from didact.records import Reply, Request, Usage, digest

__all__ = ["Engine", "Loading", "Template"]


class Loading(Protocol):
    """Makes a directory a model that can be asked."""

    def __call__(self, directory: Path, *, device: Device, dtype: Precision) -> Loaded:
        """The model, or a ConfigError."""
        ...


class Engine:
    """One model directory and its live state: weights, worker thread, waiting requests."""

    def __init__(
        self,
        path: str,
        *,
        name: str,
        batch: int,
        device: Device,
        dtype: Precision,
        template: Template,
        load: Loading = load,
        kind: str = "transformers",
    ) -> None:
        """``kind`` is what computes the model, as far as it changes replies."""
        self._path = path
        self._name = name
        self._batch = batch
        self._device: Device = device
        self._dtype: Precision = dtype
        self._template: Template = template
        self._load_model = load
        self._kind = kind
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._gatherer = Gatherer(self._run, self._worker, limit=batch)
        self._loaded: Loaded | None = None
        self._texts: Texts | None = None

    @cached_property
    def directory(self) -> Path:
        """Where the model is; a ConfigError where there is none."""
        return locate(self._path)

    @cached_property
    def identity(self) -> str:
        """Hash of everything that decides a reply, wherever the directory is."""
        settings = [f"template={self._template}"] if self._template != "auto" else []
        settings += [f"dtype={self._dtype}"] if self._dtype != "auto" else []
        return f"{self._kind}:{fingerprint(self.directory, settings)}"

    async def ask(self, request: Request) -> Reply:
        """Answers one request, in a batch with those that wait beside it."""
        texts, loaded = await self._ready()
        if request.prompt is not None:
            ids = texts.encode(request.prompt, special=True, ends=loaded.ends)
        else:
            ids = texts.encode(chat_text(loaded, request.messages, self._template), special=False)
        ids = self._started(loaded, ids)
        if isinstance(stated := (request.schema or {}).get("const"), str):
            return await self._forced(request, ids, stated)
        room = self._room(loaded, len(ids), request.sampling.max_tokens)
        seed = int(digest([self.identity, request.to_json()]), 16)
        job = Job(ids=ids, room=room, sampling=request.sampling, seed=seed)
        decoded = await self._gatherer.submit(job)
        return Reply(
            text=decoded.text,
            finish=decoded.finish,
            usage=Usage(prompt=len(ids), completion=decoded.tokens),
            model=self._name,
        )

    async def _forced(self, request: Request, ids: list[int], text: str) -> Reply:
        """The log-probabilities of a text that the schema leaves no choice about."""
        texts, loaded = await self._ready()
        # Half a surrogate pair is no text, and no tokenizer takes it.
        target = texts.encode(text.encode("utf-8", "replace").decode(), special=False)
        cut = target[: self._room(loaded, len(ids), request.sampling.max_tokens)]
        scored = await self._gatherer.submit(Job(ids=ids, target=cut)) if cut else None
        return Reply(
            text="",
            finish="stop" if len(cut) == len(target) else "length",
            usage=Usage(prompt=len(ids), completion=len(cut)),
            logprobs=scored.logprobs if scored else (),
            model=self._name,
        )

    async def score(self, prompt: str, completion: str) -> tuple[float, ...]:
        """Log-probabilities of the completion's tokens."""
        texts, loaded = await self._ready()
        ids = self._started(loaded, texts.encode(prompt, special=True, ends=loaded.ends))
        target = texts.encode(completion, special=False)
        if loaded.limit is not None and len(ids) + len(target) > loaded.limit:
            raise ModelError(
                f"a text of {len(ids) + len(target)} tokens does not fit into the model's "
                f"{loaded.limit}; shorten it"
            )
        if not target:
            return ()
        return (await self._gatherer.submit(Job(ids=ids, target=target))).logprobs

    async def close(self) -> None:
        """Frees the weights; the next request would load them again."""
        self._loaded = self._texts = None
        give_back()

    async def _ready(self) -> tuple[Texts, Loaded]:
        if self._texts is None or self._loaded is None:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._load)
        assert self._texts is not None
        assert self._loaded is not None
        return self._texts, self._loaded

    def _load(self) -> None:
        if self._loaded is None:
            self._loaded = self._load_model(self.directory, device=self._device, dtype=self._dtype)
            self._texts = Texts(self._loaded.tokenizer)

    def _run(self, jobs: Sequence[Job]) -> list[Decoded]:
        """One batch, on the worker thread."""
        self._load()
        assert self._texts is not None
        assert self._loaded is not None
        asked = [job for job in jobs if job.target is None]
        scored = [job for job in jobs if job.target is not None]
        done: dict[int, Decoded] = {}
        with torch_threads(self._loaded.threads):
            for group, outcomes in (
                (asked, _halving(partial(generate, self._loaded, self._texts), asked)),
                (scored, _halving(partial(score, self._loaded), scored)),
            ):
                done |= {id(job): outcome for job, outcome in zip(group, outcomes, strict=True)}
        return [done[id(job)] for job in jobs]

    @staticmethod
    def _started(loaded: Loaded, ids: list[int]) -> list[int]:
        """A model needs one token to begin with; an empty prompt begins with the opening token."""
        if ids:
            return ids
        first = loaded.tokenizer.bos_token_id
        first = loaded.tokenizer.eos_token_id if first is None else first
        if first is None:
            raise ModelError("the prompt is empty and the tokenizer has no token to begin with")
        return [first]

    @staticmethod
    def _room(loaded: Loaded, prompt: int, wanted: int) -> int:
        if loaded.limit is None:
            return wanted
        if prompt >= loaded.limit:
            raise ModelError(
                f"a prompt of {prompt} tokens leaves no room in the model's {loaded.limit}; "
                "shorten it, or show fewer demonstrations"
            )
        return min(wanted, loaded.limit - prompt)


def _halving(run: Callable[[Sequence[Job]], list[Decoded]], jobs: Sequence[Job]) -> list[Decoded]:
    """Runs the batch; in two halves where the whole does not fit into the GPU's memory."""
    import torch

    if not jobs:
        return []
    try:
        return run(jobs)
    except torch.OutOfMemoryError as error:
        if len(jobs) == 1:
            raise ModelError("the request does not fit into the GPU's memory") from error
    torch.cuda.empty_cache()
    middle = len(jobs) // 2
    return _halving(run, jobs[:middle]) + _halving(run, jobs[middle:])
