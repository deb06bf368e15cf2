"""Writes the files that ship beside the embedded model: the seed tasks and the held-out items.

The 175 seed tasks are in the public schema of ``seed_tasks.jsonl`` and come from the seed families
only; the held-out items come from the other families, the same number from each.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from didact.microworld.family import Task, write_task
from didact.microworld.world import BY_NAME, HELD_OUT, SEED

SEEDS = 175
ITEMS_PER_FAMILY = 8


def seed_tasks() -> list[dict[str, object]]:
    """Two or three tasks of every seed family, no instruction twice."""
    rng = random.Random(175)
    rows: list[dict[str, object]] = []
    order = [*SEED] * 3
    taken: set[str] = set()
    for fam in order:
        if len(rows) == SEEDS:
            break
        task = write_task(rng, fam, separate=0.7, plain=rng.random() < 0.6)[0]
        while task.instruction in taken:
            task = write_task(rng, fam, separate=0.7)[0]
        taken.add(task.instruction)
        rows.append(
            {
                "id": f"seed_task_{len(rows)}",
                "name": fam.name,
                "instruction": task.instruction,
                "instances": [{"input": task.input, "output": task.output}],
                "is_classification": bool(fam.labels),
            }
        )
    return rows


def held_out_items() -> list[dict[str, object]]:
    """The evaluation items, with every right answer."""
    rng = random.Random(252)
    rows: list[dict[str, object]] = []
    taken: set[tuple[str, str]] = set()
    for fam in HELD_OUT:
        made = 0
        while made < ITEMS_PER_FAMILY:
            task: Task = write_task(rng, fam)[0]
            if (task.instruction, task.input) in taken or BY_NAME[fam.name].accepts:
                continue
            taken.add((task.instruction, task.input))
            made += 1
            rows.append(
                {
                    "instruction": task.instruction,
                    "input": task.input,
                    "output": task.output,
                    "references": list(task.answers),
                    "family": fam.name,
                }
            )
    return rows


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    embedded = Path(__file__).parent.parent / "src" / "didact" / "embedded"
    write(embedded / "seed_tasks.jsonl", seed_tasks())
    write(embedded / "heldout.jsonl", held_out_items())
