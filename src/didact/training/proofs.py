"""What is proved before a training begins, and a training that fails a proof does not begin.

What goes wrong silently in other people's trainings (masks that train nothing, packed examples that
see each other, accumulated gradients of another size) is measured here, on a few of the rows
themselves and the model itself, in seconds. The masks of all rows are proved where the rows are
made (``didact.text.masks``); this is about the arithmetic:

- ``accumulation``: the gradient of rows together is that of the same rows one at a time, summed;
- ``packing``: rows packed give the loss that they give apart;
- ``adapter``: a new LoRA adapter changes nothing yet;
- ``start``: the first step's loss, as training computes it, is that of the base, row by row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from didact.errors import DidactError
from didact.text.masks import IGNORED, Row
from didact.training.lean import answer_loss, parts, plain_head
from didact.training.packing import packed, padded
from didact.training.untyped import Untyped

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "EXACT", "ROUNDED", "Proof", "arithmetic", "as_the_base", "base_loss", "demanded",
    "sample", "start",
]  # fmt: skip

EXACT = 1e-4
"""Relative difference allowed in float32."""
ROUNDED = 0.05
"""The same where either side computes in bfloat16."""
_ROWS, _TOKENS = 8, 2048
"""How much is looked at."""


class Proof(NamedTuple):
    """One thing that must hold, and whether it does."""

    name: str
    passed: bool
    told: str

    def __str__(self) -> str:
        return f"{self.name}: {self.told}"


def demanded(proofs: Sequence[Proof]) -> None:
    """A DidactError that tells every proof that failed."""
    failed = [str(proof) for proof in proofs if not proof.passed]
    if failed:
        raise DidactError("\n".join(f"train: proof failed: {text}" for text in failed))


def sample(rows: Sequence[Row]) -> list[Row]:
    """Some rows, short ones and long ones, as many as are quickly looked at."""
    ordered = sorted(rows, key=lambda row: len(row.ids))
    count = min(_ROWS, len(ordered))
    chosen: list[Row] = []
    for number in range(count):
        row = ordered[number * (len(ordered) - 1) // max(1, count - 1)]
        if chosen and sum(len(one.ids) for one in chosen) + len(row.ids) > _TOKENS:
            break
        chosen.append(row)
    return chosen


def arithmetic(
    model: Untyped, rows: Sequence[Row], *, room: int, pack: bool, new: bool = True
) -> list[Proof]:
    """The proofs that need no step; ``room`` of a packed row, ``new`` where an adapter is."""
    was = model.training
    model.eval()
    some = sample(rows)
    exact = all(p.element_size() == 4 for p in model.parameters())
    proofs = [_accumulation(model, some, EXACT if exact else ROUNDED)]
    if pack:
        proofs.append(_packing(model, some, room, EXACT if exact else ROUNDED))
    if new and hasattr(model, "disable_adapter"):
        proofs.append(_adapter(model, some))
    model.train(was)
    return proofs


def _accumulation(model: Untyped, rows: Sequence[Row], allowed: float) -> Proof:
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    count = sum(label != IGNORED for row in rows for label in row.labels[1:])

    def gradient(groups: Sequence[Sequence[Row]]) -> list[Tensor]:
        model.zero_grad(set_to_none=True)
        for group in groups:
            _loss(model, _moved(padded(group, padding=0), model), count).backward()
        found = [p.grad.detach().clone() for p in trained if p.grad is not None]
        model.zero_grad(set_to_none=True)
        return found

    together, apart = gradient([rows]), gradient([[row] for row in rows])
    size = math.sqrt(sum(float(g.float().square().sum()) for g in together))
    gap = math.sqrt(
        sum(
            float((a.float() - b.float()).square().sum())
            for a, b in zip(together, apart, strict=True)
        )
    )
    share = gap / size if size else math.nan
    passed = share <= allowed and torch.isfinite(torch.tensor(size)).item() is True
    told = f"the gradient of {len(rows)} rows together and one at a time differ by {share:.1e}"
    return Proof("accumulation", passed, f"{told} of its size (allowed {allowed:.0e})")


def _packing(model: Untyped, rows: Sequence[Row], room: int, allowed: float) -> Proof:
    import torch

    with torch.no_grad():
        apart = _mean(base_loss(model, rows), rows)
        together = packed(rows, room=max(room, len(rows[-1].ids)), padding=0)
        count = sum(label != IGNORED for row in rows for label in row.labels[1:])
        found = sum(float(_loss(model, p, count)) for p in parts(_moved(together, model)))
    gap = abs(found - apart)
    told = f"{len(rows)} rows in {len(together['input_ids'])} lose {found:.6f}, apart {apart:.6f}"
    return Proof("packing", gap <= allowed, f"{told} (allowed {allowed:.0e})")


def _adapter(model: Untyped, rows: Sequence[Row]) -> Proof:
    import torch

    inputs = _moved(padded(rows[:1], padding=0), model)
    given = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        ours = model(**given, use_cache=False).logits
        with model.disable_adapter():
            base = model(**given, use_cache=False).logits
    gap = float((ours - base).abs().max())
    return Proof("adapter", gap == 0, f"the largest change of a logit at the start is {gap:.1e}")


def base_loss(model: Untyped, rows: Sequence[Row]) -> list[float]:
    """Of every row by itself, the sum over its trained tokens, by the model's own forward."""
    import torch

    found: list[float] = []
    with torch.no_grad():
        for row in rows:
            inputs = _moved(padded([row], padding=0), model)
            labels = inputs.pop("labels")[:, 1:]
            logits = model(**inputs, use_cache=False).logits[:, :-1].float()
            chosen = labels != IGNORED
            losses: Untyped = torch.nn.functional.cross_entropy(
                logits[chosen], labels[chosen], reduction="sum"
            )
            found.append(float(losses))
    return found


def start(
    model: Untyped, rows: Sequence[Row], *, autocast: Untyped = None, room: int | None, loose: bool
) -> Proof:
    """Whether training would begin at the loss of the base; ``loose`` with noise in training."""
    import torch

    was = model.training
    model.eval()
    some = sample(rows)
    count = sum(label != IGNORED for row in some for label in row.labels[1:])
    batch = padded(some, padding=0) if room is None else packed(some, room=room, padding=0)
    with torch.no_grad(), autocast() if autocast is not None else nullcontext():
        found = sum(float(_loss(model, part, count)) for part in parts(_moved(batch, model)))
    told = as_the_base(found, _mean(base_loss(model, some), some), loose=loose)
    model.train(was)
    return told


def as_the_base(loss: float, base: float, *, loose: bool) -> Proof:
    """Whether a loss at the start is that of the base: dropout and noise move it, nothing else."""
    allowed = 0.5 if loose else ROUNDED
    told = f"the loss begins at {loss:.4f}, that of the base is {base:.4f}"
    passed = abs(loss - base) <= allowed * max(base, 0.1)
    return Proof("start", passed, f"{told} (allowed {allowed:.0%})")


def _mean(losses: Sequence[float], rows: Sequence[Row]) -> float:
    return sum(losses) / sum(label != IGNORED for row in rows for label in row.labels[1:])


def _loss(model: Untyped, inputs: Mapping[str, Tensor], tokens: int) -> Untyped:
    given = {name: inputs[name] for name in inputs if name != "attention_mask"}
    if plain_head(model):
        return answer_loss(model, given, tokens)
    return model(**given, use_cache=False, num_items_in_batch=tokens).loss


def _moved(inputs: Mapping[str, Tensor], model: Untyped) -> dict[str, Tensor]:
    return {name: tensor.to(model.device) for name, tensor in inputs.items()}
