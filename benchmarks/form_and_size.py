"""How often the intervals of `didact curve` and `didact style` hold the truth, by simulation.

    python benchmarks/form_and_size.py --simulations 2000

Alpha: items and seeds have slopes of their own, three sizes, every score has noise. Form: a judge
of 300 pairs that goes by length and by content, whose verdicts are drawn.
"""

from __future__ import annotations

import argparse
from math import exp

import numpy as np

from didact.stats.form import form
from didact.stats.scaling import scaling


def alphas(simulations: int, *, seeds: int, items: int) -> float:
    rng = np.random.default_rng(0)
    sizes = np.array([50.0, 200.0, 800.0])
    held = 0
    for _ in range(simulations):
        slopes = 3 + rng.normal(0, 2, items)[None, :] + rng.normal(0, 1, seeds)[:, None]
        block = slopes * np.log(sizes)[:, None, None] + rng.normal(0, 4, (3, seeds, items))
        found = scaling(sizes.tolist(), block).alpha
        held += found.low <= 3 <= found.high
    return held / simulations


def judged(rng: np.random.Generator, items: int) -> tuple[np.ndarray, np.ndarray]:
    length = rng.normal(1, 1, items)
    logits = np.tanh(length / np.sqrt((length**2).mean())) + 0.4
    chosen = (rng.random(items) < 1 / (1 + np.exp(-logits))).astype(float)
    return chosen, np.column_stack([length, rng.normal(0, 1, items)])


def forms(simulations: int) -> dict[str, float]:
    rng = np.random.default_rng(3)
    raw = 100 * float(np.mean([judged(rng, 200_000)[0].mean() for _ in range(10)]))
    alike = 100 / (1 + exp(-0.4))
    truth = {"raw": raw, "alike": alike, "explained": raw - alike}
    truth["share"] = 100 * truth["explained"] / (raw - 50)
    held = dict.fromkeys(truth, 0)
    told = dict.fromkeys(truth, 0)
    for _ in range(simulations):
        found = form(*judged(rng, 300), seed=0, draws=200)
        for name, value in truth.items():
            interval = getattr(found, name)
            if interval is not None:
                told[name] += 1
                held[name] += interval.low <= value <= interval.high
    return {name: held[name] / told[name] for name in truth}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=2000)
    count = parser.parse_args().simulations
    error = 1.96 * 100 * (0.95 * 0.05 / count) ** 0.5
    print(f"{count} simulations, 95 % would vary by {error:.1f}")
    for seeds, items in ((3, 25), (3, 39), (5, 60)):
        held = alphas(count, seeds=seeds, items=items)
        print(f"alpha, {seeds} seeds, {items} items: {100 * held:.1f} %", flush=True)
    for name, held in forms(count).items():
        print(f"form, {name}: {100 * held:.1f} %", flush=True)


if __name__ == "__main__":
    main()
