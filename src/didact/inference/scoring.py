"""Log-probabilities of texts that exist already, for many at once: nothing is written.

What makes it several times as fast as one text after another: texts of like length go through the
model together, padded at the end, where no mask is needed; what all texts of a batch begin with
(the template, an instruction with many inputs) is computed once, and not again for the batches
after it; only the tokens asked about go through the output layer, which for a small model is a good
part of the whole; and on a CPU the products of float32 are oneDNN's.

Cost: one forward pass over every text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from didact.inference.onednn import through_onednn
from didact.inference.weights import Loaded

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Asked", "Scored", "plain_head", "score_all"]

# Tokens that go through the model at once, padding included. On a CPU 1024 is best: fewer are not
# worth the turn through all layers, more need more padding and do not stay in its cache.
_AT_ONCE_CPU = 1024
_AT_ONCE = 1 << 16

# Logits that stand in memory at once: 128 MB of float32.
_LOGITS = 1 << 25

# A shorter common beginning does not repay the extra forward pass.
_SHARED_AT_LEAST = 6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asked:
    """A text to be scored: ``ids`` and then ``target``, whose log-probabilities are wanted."""

    ids: list[int]
    target: list[int] = field(default_factory=list[int])
    options: list[int] | None = None
    """Tokens of which one comes next; then their log-probabilities are wanted instead."""
    vector: bool = False
    """Whether the last token's hidden state is wanted instead."""

    @property
    def whole(self) -> list[int]:
        """Every token that goes through the model."""
        return [*self.ids, *self.target]

    @property
    def asked(self) -> range:
        """The places whose next token is asked about."""
        if self.vector or self.options is not None:
            return range(len(self.whole) - 1, len(self.whole))
        # The last token predicts nothing, and nothing predicts the first.
        return range(max(len(self.ids) - 1, 0), len(self.whole) - 1)


class Scored(NamedTuple):
    """What became of a text."""

    logprobs: tuple[float, ...] = ()
    """Of every token of the target, without the first where nothing stands before it."""
    vector: tuple[float, ...] = ()


class _Batch(NamedTuple):
    """Texts that go through the model together, and how many tokens all of them begin with."""

    places: Sequence[int]
    shared: int
    cost: int
    """Tokens computed, padding included."""


def score_all(loaded: Loaded, jobs: Sequence[Asked], *, plain: bool) -> list[Scored]:
    """What became of every text, in order; ``plain`` is what ``plain_head`` says."""
    import torch

    found: dict[int, Scored] = {}
    most = _AT_ONCE_CPU if loaded.device == "cpu" else _AT_ONCE
    texts = [job.whole for job in jobs]
    beginnings = _Beginnings(loaded)
    with torch.inference_mode(), through_onednn(loaded.device):
        # Hidden states and finished logits are not of one size, and cannot share a batch.
        for vectors in (False, True):
            places = [place for place, job in enumerate(jobs) if job.vector == vectors]
            for batch in _planned(texts, jobs, places, most, shareable=_shareable(loaded)):
                chosen = [jobs[place] for place in batch.places]
                rows = [texts[place] for place in batch.places]
                begun = beginnings.of(rows, batch.shared)
                states = _states(loaded, rows, begun, headless=plain or vectors)
                results = _read(loaded, chosen, states, begun.length, headless=plain or vectors)
                found |= dict(zip(batch.places, results, strict=True))
    return [found[place] for place in range(len(jobs))]


def plain_head(loaded: Loaded) -> bool:
    """Whether logits are the output layer of the last hidden states, and nothing besides.

    Some architectures scale or cap them. Tried, not looked up: no list of names goes out of date.
    """
    import torch

    model = loaded.model
    head = model.get_output_embeddings()
    if head is None:
        return False
    ids = torch.tensor([[0, 1, 2]], device=loaded.device)
    with torch.inference_mode():
        whole = model(input_ids=ids, use_cache=False).logits
        parts = head(model.base_model(input_ids=ids, use_cache=False).last_hidden_state)
        return whole.shape == parts.shape and bool(torch.allclose(whole, parts, atol=1e-3))


def _planned(
    texts: Sequence[list[int]],
    jobs: Sequence[Asked],
    places: Sequence[int],
    most: int,
    *,
    shareable: bool,
) -> list[_Batch]:
    """Batches by length, or by what the texts begin with, whichever computes fewer tokens."""
    by_length = sorted(places, key=lambda place: len(texts[place]))
    plans = [list(_batches(texts, jobs, by_length, most, shareable=shareable))]
    if shareable:
        # Texts that begin alike stand together, the shorter of those first.
        alike = sorted(places, key=lambda place: texts[place])
        plans.append(list(_batches(texts, jobs, alike, most, shareable=True)))
    return min(plans, key=lambda plan: sum(batch.cost for batch in plan))


def _batches(
    texts: Sequence[list[int]],
    jobs: Sequence[Asked],
    order: Sequence[int],
    most: int,
    *,
    shareable: bool,
) -> Iterator[_Batch]:
    start = 0
    while start < len(order):
        first = order[start]
        end, width, shared = start, 0, len(texts[first]) if shareable else 0
        cost = 0
        while end < len(order):
            text = texts[order[end]]
            wider = max(width, len(text))
            # What is asked about must be computed for every text by itself.
            alike = min(_common(texts[first], text, shared), jobs[order[end]].asked.start)
            saved = alike if alike >= _SHARED_AT_LEAST and end > start else 0
            more = saved + (end + 1 - start) * (wider - saved)
            if end > start and more > most:
                break
            end, width, shared, cost = end + 1, wider, alike, more
        alone = end - start < 2 or shared < _SHARED_AT_LEAST
        yield _Batch(order[start:end], 0 if alone else shared, cost)
        start = end


def _common(first: Sequence[int], second: Sequence[int], most: int) -> int:
    """How many tokens both begin with, up to ``most``."""
    most = min(most, len(first), len(second))
    if first[:most] == second[:most]:
        return most
    return next(at for at in range(most) if first[at] != second[at])


def _shareable(loaded: Loaded) -> bool:
    """Whether every layer keeps all it has seen, so that a beginning can be used again."""
    from didact.inference.slabs import slabs_fit

    return slabs_fit(loaded.model.config)


class _Begun(NamedTuple):
    """What texts begin with, and what it left in every layer."""

    length: int
    cache: Any = None


class _Beginnings:
    """The beginning that was computed last, which the next batches have in common as a rule."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._ids: list[int] = []
        self._cache: Any = None

    def of(self, rows: Sequence[list[int]], shared: int) -> _Begun:
        """For all rows of a batch, up to ``shared`` tokens of what they begin with."""
        if not shared:
            return _Begun(0)
        known = _common(self._ids, rows[0], shared)
        # A little less that is there is better than all of it computed anew.
        if 4 * known < 3 * shared:
            self._compute(rows[0][:shared])
            known = shared
        cache = deepcopy(self._cache)
        if known < len(self._ids):
            cache.crop(known)
        cache.batch_repeat_interleave(len(rows))
        return _Begun(known, cache)

    def _compute(self, ids: list[int]) -> None:
        import torch
        from transformers import DynamicCache

        model = self._loaded.model
        self._ids, self._cache = ids, DynamicCache(config=model.config)
        model.base_model(
            input_ids=torch.tensor([ids], device=self._loaded.device),
            position_ids=torch.arange(len(ids), device=self._loaded.device)[None],
            past_key_values=self._cache,
            use_cache=True,
        )


def _states(loaded: Loaded, texts: Sequence[list[int]], begun: _Begun, *, headless: bool) -> Tensor:
    """Of everything behind the shared beginning: last hidden states, or logits with the head on."""
    import torch

    model = loaded.model.base_model if headless else loaded.model
    width = max(len(text) for text in texts)
    padded = torch.tensor(
        [text[begun.length :] + [0] * (width - len(text)) for text in texts], device=loaded.device
    )
    positions = torch.arange(begun.length, width, device=loaded.device)[None]
    output = model(
        input_ids=padded,
        position_ids=positions.expand(len(texts), -1),
        past_key_values=begun.cache,
        use_cache=begun.cache is not None,
    )
    return output.last_hidden_state if headless else output.logits


def _read(
    loaded: Loaded, jobs: Sequence[Asked], states: Tensor, shared: int, *, headless: bool
) -> list[Scored]:
    """What is asked of each text, all places of all texts in one product."""
    rows = [row for row, job in enumerate(jobs) for _ in job.asked]
    columns = [place - shared for job in jobs for place in job.asked]
    picked = states[rows, columns]
    if jobs[0].vector:
        vectors = cast("list[list[float]]", cast("Any", picked.float()).tolist())
        return [Scored(vector=tuple(vector)) for vector in vectors]
    head = loaded.model.get_output_embeddings() if headless else None
    size = loaded.model.config.get_text_config().vocab_size
    at_once = max(1, _LOGITS // size)
    # Of a text with options its one place has them all; else each place has its own next token.
    wanted = [
        tokens
        for job in jobs
        for tokens in (
            [job.options]
            if job.options is not None
            else [[token] for token in job.whole[job.asked.start + 1 :]]
        )
    ]
    found: list[list[float]] = []
    for start in range(0, len(rows), at_once):
        piece = picked[start : start + at_once]
        found += _logprobs(piece if head is None else head(piece), wanted[start : start + at_once])
    results: list[Scored] = []
    at = 0
    for job in jobs:
        mine = found[at : at + len(job.asked)]
        at += len(job.asked)
        results.append(Scored(logprobs=tuple(value for values in mine for value in values)))
    return results


def _logprobs(logits: Tensor, wanted: Sequence[list[int]]) -> list[list[float]]:
    """Of the wanted tokens of every row."""
    import torch

    exact = logits.float()
    normal = exact.logsumexp(-1, keepdim=True)
    widest = max(len(tokens) for tokens in wanted)
    tokens = torch.tensor(
        [tokens + [0] * (widest - len(tokens)) for tokens in wanted], device=logits.device
    )
    values = cast("list[list[float]]", cast("Any", exact.gather(-1, tokens) - normal).tolist())
    return [row[: len(tokens)] for row, tokens in zip(values, wanted, strict=True)]
