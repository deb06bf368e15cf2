"""How long the bootstrap of a whole comparison takes, beside scipy's on the same data.

    python benchmarks/bootstrap.py

10,000 draws over 10,000 items for 5 models, the same items for all in every draw, with the interval
of each: scores that all differ, and scores of 0 and 1. The bar is two seconds. scipy's does one
model after the other, in batches, since all draws at once would not fit; it is given a tenth of the
draws and its time multiplied.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from didact.stats.resampling import column_intervals

ITEMS, MODELS, DRAWS = 10_000, 5, 10_000


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time, the best of three."""
    best = (float("inf"), float("inf"))
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - processor))
    return best


def main() -> None:
    rng = np.random.default_rng(0)
    scores = rng.beta(0.8, 2.4, size=(ITEMS, MODELS))
    for name, data in (("scores", scores), ("right or wrong", (scores > 0.2) * 1.0)):
        wall, processor = seconds(lambda data=data: column_intervals(data, seed=0, draws=DRAWS))
        print(f"{name:15} {wall:6.2f} s, of the processor {processor:.2f} s")
    columns = [(column,) for column in scores.T]
    wall, processor = seconds(
        lambda: [
            stats.bootstrap(c, np.mean, n_resamples=DRAWS // 10, method="percentile", batch=500)
            for c in columns
        ]
    )
    print(f"{'scipy, scores':15} {10 * wall:6.2f} s, of the processor {10 * processor:.2f} s")


if __name__ == "__main__":
    main()
