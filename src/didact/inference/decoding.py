"""Generation for a batch of prompts that begin together and end one by one.

Prompts are padded on the left; what they have in common at the beginning (the demonstrations of a
few-shot prompt) is computed once; long prompts are read in pieces, so that a batch takes little
memory; the key-value cache is written in place; rows that have ended leave the batch when a quarter
of it is idle. Cost: one forward pass per token of the longest reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from didact.inference.sampling import Chooser
from didact.inference.texts import Texts
from didact.inference.weights import Loaded
from didact.records import Sampling

if TYPE_CHECKING:
    from torch import Tensor, dtype

__all__ = ["Decoded", "Job", "generate", "score"]

# A shorter common beginning does not repay the extra forward pass.
_SHARED_AT_LEAST = 24

# Tokens of prompts that go through the model at once, padding included: more is no faster.
_AT_ONCE_CPU = 4096
_AT_ONCE = 1 << 16

# Logits of texts to be scored that stand in memory at once: 128 MB of float32.
_LOGITS = 1 << 25


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """One prompt to be continued, or scored where it has a ``target``."""

    ids: list[int]
    room: int = 0
    """Most tokens to generate."""
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    target: list[int] | None = None
    cancelled: bool = False
    """Set by another thread when nobody waits any more."""
    made: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What became of a job."""

    text: str = ""
    finish: Literal["stop", "length"] = "length"
    tokens: int = 0
    logprobs: tuple[float, ...] = ()


def generate(loaded: Loaded, texts: Texts, jobs: Sequence[Job]) -> list[Decoded]:
    """Continues every prompt; replies in the order of the jobs."""
    import torch

    for job in jobs:
        job.made.clear()
    steps = max(job.room for job in jobs)
    finishes: dict[int, Literal["stop", "length"]] = {}
    with torch.inference_mode():
        chooser = Chooser(
            [job.sampling for job in jobs],
            [job.seed for job in jobs],
            steps=steps,
            device=loaded.device,
        )
        batch = _Batch(loaded, jobs, steps)
        rows = list(range(len(jobs)))  # row of the batch -> job; -1 once it has ended
        logits = batch.prefill()
        for _ in range(steps):
            tokens = chooser.choose(logits)
            for place, token in enumerate(cast("list[int]", cast("Any", tokens).tolist())):
                if rows[place] < 0:
                    continue
                finish = _advance(jobs[rows[place]], token, texts, loaded.ends)
                if finish is not None:
                    finishes[rows[place]] = finish
                    rows[place] = -1
            left = [place for place, row in enumerate(rows) if row >= 0]
            if not left:
                break
            if 4 * (len(rows) - len(left)) >= len(rows):
                kept = torch.tensor(left, device=loaded.device)
                batch.keep(kept)
                chooser.keep(kept)
                tokens = tokens[kept]
                rows = [rows[place] for place in left]
            logits = batch.step(tokens)
    return [
        _decoded(job, finishes.get(at, "length"), texts, loaded.ends) for at, job in enumerate(jobs)
    ]


def _advance(
    job: Job, token: int, texts: Texts, ends: frozenset[int]
) -> Literal["stop", "length"] | None:
    """Takes one more token; says whether, and how, the reply is finished by it."""
    job.made.append(token)
    if token in ends:
        return "stop"
    if job.sampling.stop and texts.stopped(job.made, job.sampling.stop):
        return "stop"
    if len(job.made) >= job.room or job.cancelled:
        return "length"
    return None


def _decoded(
    job: Job, finish: Literal["stop", "length"], texts: Texts, ends: frozenset[int]
) -> Decoded:
    # A model's settings may name an end token that its tokenizer does not hold for a special one.
    said = job.made[:-1] if job.made and job.made[-1] in ends else job.made
    return Decoded(text=texts.cut(said, job.sampling.stop), finish=finish, tokens=len(job.made))


class _Batch:
    """The state of the forward passes: cache, mask, positions."""

    def __init__(self, loaded: Loaded, jobs: Sequence[Job], steps: int) -> None:
        import torch

        self._device = loaded.device
        self._ids = [job.ids for job in jobs]
        width = max(len(ids) for ids in self._ids)
        self._steps = loaded.start(columns=width)
        kind = self._steps.dtype
        self._shared = _shared(self._ids) if self._steps.pieces else 0
        self._seen = 0
        # Which of the cache's columns a row may look at: all but its padding.
        self._valid = torch.ones(len(jobs), width + steps, dtype=torch.bool, device=loaded.device)
        for row, ids in enumerate(self._ids):
            self._valid[row, self._shared : self._shared + width - len(ids)] = False
        self._bias = (
            torch.zeros_like(self._valid, dtype=kind).masked_fill_(
                ~self._valid, torch.finfo(kind).min
            )
            if kind is not None
            else None
        )
        lengths = [[len(ids)] for ids in self._ids]
        self._position = torch.tensor(lengths, device=loaded.device)

    def prefill(self) -> Tensor:
        """Logits after each prompt."""
        import torch

        start = self._shared
        if start:
            shared = torch.tensor([self._ids[0][:start]], device=self._device)
            self._forward(shared, torch.arange(start, device=self._device)[None], None)
            self._steps.repeat(len(self._ids))
        width = max(len(ids) for ids in self._ids)
        padded = torch.tensor(
            [[0] * (width - len(ids)) + ids[start:] for ids in self._ids], device=self._device
        )
        positions = (self._valid[:, :width].cumsum(-1) - 1).clamp_(min=0)[:, start:]
        columns = max(1, _at_once(self._device) // len(self._ids))
        while self._steps.pieces and padded.shape[1] > columns:
            mask = self._prefill_mask(columns)
            self._forward(padded[:, :columns], positions[:, :columns], mask)
            padded, positions = padded[:, columns:], positions[:, columns:]
        return self._forward(padded, positions, self._prefill_mask(padded.shape[1]))

    def _prefill_mask(self, width: int) -> Tensor:
        valid, kind = self._valid[:, : self._seen + width], self._steps.dtype
        return valid if kind is None else _causal(valid, width, kind=kind)

    def step(self, tokens: Tensor) -> Tensor:
        """Logits after one more token per row."""
        end = self._seen + 1
        mask = self._valid[:, :end] if self._bias is None else self._bias[:, None, None, :end]
        logits = self._forward(tokens[:, None], self._position, mask)
        self._position = self._position + 1
        return logits

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only."""
        self._steps.keep(rows)
        self._valid = self._valid[rows]
        self._bias = None if self._bias is None else self._bias[rows]
        self._position = self._position[rows]

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        self._seen += ids.shape[1]
        return self._steps(ids, positions=positions, mask=mask)[:, -1]


def _causal(valid: Tensor, width: int, *, kind: dtype) -> Tensor:
    """What to add for the last columns, rows x 1 x queries x columns: causal, without padding."""
    import torch

    columns = torch.arange(valid.shape[1], device=valid.device)
    own = columns[valid.shape[1] - width :, None]
    # Padding looks at itself, so that no row of the softmax is empty (0/0 would spread).
    seen = ((columns <= own) & valid[:, None]) | (columns == own)
    mask = torch.zeros(seen.shape, dtype=kind, device=valid.device)
    return mask.masked_fill_(~seen, torch.finfo(kind).min)[:, None]


def _at_once(device: str) -> int:
    return _AT_ONCE_CPU if device == "cpu" else _AT_ONCE


def _shared(prompts: Sequence[list[int]]) -> int:
    """How many tokens all prompts begin with, each keeping at least one of its own."""
    if len(prompts) < 2:
        return 0
    # What the first and the last in order have in common, all between them have too.
    first, last = min(prompts), max(prompts)
    longest = min(len(ids) for ids in prompts) - 1
    length = 0
    while length < longest and first[length] == last[length]:
        length += 1
    return length if length >= _SHARED_AT_LEAST else 0


def score(loaded: Loaded, jobs: Sequence[Job]) -> list[Decoded]:
    """Natural log-probabilities of every token of each job's target, given its prompt."""
    import torch

    texts = [[*job.ids, *(job.target or [])] for job in jobs]
    longest = max(len(job.target or []) for job in jobs)
    width = max(len(ids) for ids in texts)
    size = len(jobs) * (longest + 1) * loaded.vocabulary
    if len(jobs) > 1 and (len(jobs) * width > _at_once(loaded.device) or size > _LOGITS):
        middle = len(jobs) // 2
        return score(loaded, jobs[:middle]) + score(loaded, jobs[middle:])
    padded = torch.tensor([[0] * (width - len(ids)) + ids for ids in texts], device=loaded.device)
    lengths = torch.tensor([[len(ids)] for ids in texts], device=loaded.device)
    valid = torch.arange(width, device=loaded.device) >= width - lengths
    with torch.inference_mode():
        steps = loaded.start(columns=width)
        logits = steps(
            padded,
            positions=(valid.cumsum(-1) - 1).clamp_(min=0),
            mask=valid if steps.dtype is None else _causal(valid, width, kind=steps.dtype),
            last=longest + 1,
        )
        places = logits[:, -longest - 1 : -1].float().log_softmax(-1)
        wanted = padded[:, width - longest :, None]
        found = cast("list[list[float]]", cast("Any", places.gather(-1, wanted)[:, :, 0]).tolist())
    return [
        Decoded(logprobs=tuple(row[longest - len(job.target or []) :]))
        for row, job in zip(found, jobs, strict=True)
    ]
