"""Scores of examples from a language model's probabilities: IFD, perplexity, expected rating.

Instruction-following difficulty (IFD) says how much an instruction helps a model with its answer.
It is published in two forms that agree on whether it helps at all, and on nothing else:

- ``loss_ratio``, loss of the answer given the instruction over its loss alone: Cherry LLM (Li et
  al. 2023, arXiv 2308.12032);
- ``perplexity_ratio``, the same of perplexities, which depends on the difference of the losses
  only: Superfiltering (Li et al. 2024, arXiv 2402.00530).

``expected_rating`` is how DEITA (Liu et al. 2023, arXiv 2312.15685) reads its scorers: not the
number that a model would write, but the mean of the six it could have written.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, isfinite

__all__ = ["expected_rating", "loss_ratio", "mean_loss", "perplexity", "perplexity_ratio"]


def mean_loss(logprobs: Sequence[float]) -> float | None:
    """The mean cross-entropy of tokens with these log-probabilities; None where there are none."""
    return -sum(logprobs) / len(logprobs) if logprobs else None


def loss_ratio(given: float | None, alone: float | None) -> float | None:
    """IFD as Cherry LLM has it; None where one of the losses is missing or there is no ratio."""
    if given is None or alone is None or alone <= 0:
        return None
    ratio = given / alone
    return ratio if isfinite(ratio) else None


def perplexity_ratio(given: float | None, alone: float | None) -> float | None:
    """IFD as Superfiltering has it."""
    if given is None or alone is None:
        return None
    # Of the difference, so that two huge perplexities have a ratio all the same.
    ratio = perplexity(given - alone)
    return ratio if isfinite(ratio) else None


def perplexity(loss: float) -> float:
    """The perplexity at a mean loss; infinite where no float can hold it."""
    try:
        return exp(loss)
    except OverflowError:
        return inf


def expected_rating(logits: Sequence[float], *, lowest: int = 1) -> float:
    """The mean rating when each of the numbers from ``lowest`` has this logit or log-probability.

    What probability other words have does not count: only the ratio between the numbers does.
    """
    most = max(logits)
    weights = [exp(logit - most) for logit in logits]
    total = sum(weights)
    return sum((lowest + place) * weight for place, weight in enumerate(weights)) / total
