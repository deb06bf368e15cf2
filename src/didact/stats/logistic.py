"""Logistic regression of outcomes between 0 and 1, many weighted fits at once.

Newton's method on the penalised likelihood (iteratively reweighted least squares). An outcome may
be any share: 0.5 is a tie. One fit for each row of weights, so that a bootstrap is one call.
"""

from __future__ import annotations

import numpy as np

from didact.stats.resampling import Numbers

__all__ = ["fit_logistic", "logistic"]

_STEPS = 50
_CLOSE = 1e-9


def logistic(x: Numbers) -> Numbers:
    """The probability of a logit, without overflow."""
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def fit_logistic(
    terms: Numbers, outcomes: Numbers, *, weights: Numbers | None = None, penalty: Numbers
) -> Numbers:
    """Coefficients: fits by terms.

    ``terms`` is items by terms, ``weights`` fits by items (one fit of equal weights without it),
    ``penalty`` the strength of the pull to 0 for each term.
    """
    rows = np.ones((1, len(outcomes))) if weights is None else weights
    number = terms.shape[1]
    products = (terms[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)
    found = np.zeros((len(rows), number))
    for _ in range(_STEPS):
        chance = logistic(found @ terms.T)
        slope = (rows * (outcomes - chance)) @ terms - penalty * found
        curve = ((rows * chance * (1 - chance)) @ products).reshape(-1, number, number)
        curve = curve + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
        found = found + step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True) / 4)
        if np.abs(step).max() < _CLOSE:
            break
    return found
