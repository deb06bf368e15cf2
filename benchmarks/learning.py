"""Does a model learn from its own data? The quickstart over several seeds, with intervals.

    python benchmarks/learning.py --seeds 3 --out out/learning

For every seed the whole loop is run (generate, filter, train, evaluate). The items are the same for
all arms and are used for nothing but this table. Intervals are paired bootstraps over families and
items, nested in seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from didact.quickstart import quickstart
from didact.stats.bootstrap import bootstrap, paired_bootstrap
from didact.store import Run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out/learning"))
    options = parser.parse_args()
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    clusters: list[str] = []
    for seed in range(options.seeds):
        folder = options.out / f"seed-{seed}"
        start = time.time()
        quickstart(folder, seed=seed)
        run = Run.open(folder / "self-instruct")
        audit = json.loads((run.path / "audit.json").read_text())
        rows = {row["stage"]: row for row in audit["rows"]}
        last = list(rows.values())[-1]
        first_row = rows["before filtering"]
        print(
            f"seed {seed}: {time.time() - start:.0f} s; {audit['instructions']} instructions,"
            f" {audit['held_out_families']} held-out families,"
            f" {audit['seen_in_pretraining']:.0%} seen;"
            f" all valid {first_row['all_valid'] / first_row['total']:.0%} before"
            f" and {last['all_valid'] / last['total']:.0%} after filtering",
            flush=True,
        )
        items = {item.id: item for item in run.items()}
        scores = run.scores()
        metrics = {score.metric for score in scores}
        for score in sorted(scores, key=lambda one: (one.metric, one.model, one.example_id)):
            values[score.metric, score.model].append(score.value or 0.0)
        first = sorted(metrics)[0]
        clusters += [
            f"{seed} {items[score.example_id].meta['family']}"
            for score in sorted(scores, key=lambda one: (one.metric, one.model, one.example_id))
            if score.metric == first and score.model == "base"
        ]
    for metric in sorted({metric for metric, _ in values}):
        base = np.array(values[metric, "base"])
        for role in ("base", "trained", "human", "copy"):
            arm = np.array(values[metric, role])
            mean = bootstrap(arm, clusters=clusters, seed=0)
            more = paired_bootstrap(arm, base, clusters=clusters, seed=0)
            print(
                f"{metric:<12} {role:<8} {mean.mean:5.1f} [{mean.low:5.1f}, {mean.high:5.1f}]"
                f"  over base {more.mean:+5.1f} [{more.low:+5.1f}, {more.high:+5.1f}]  n={len(arm)}"
            )


if __name__ == "__main__":
    main()
