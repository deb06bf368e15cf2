"""A run with answers that differ, for raters: two models, right answers, the scores of judges."""

from __future__ import annotations

import random
from pathlib import Path

from didact import tables
from didact.records import Example, Origin, Score
from didact.store import Run

COLOURS = ("amber", "beige", "coral", "denim", "ebony", "ferny", "grape", "hazel", "ivory", "jade")
PLACES = ("quay", "mill", "barn", "loft", "well")


def write_rated_run(path: Path, *, items: int = 20, text: str = "") -> Path:
    """``text`` is put into every prompt and answer."""
    rng = random.Random(1)
    tests = [
        Example.single(
            f"What is kept at the {COLOURS[n % 10]} {PLACES[n // 10 % 5]}?{text}",
            f"The {COLOURS[n % 10]} {PLACES[n // 10 % 5]} keeps **box {n}**.{text}",
            input=f"List {n}: {', '.join(rng.sample(COLOURS, 3))}" if n % 2 else "",
            origin=Origin(recipe="test"),
        )
        for n in range(items)
    ]
    answers: list[tables.AnswerRow] = []
    scores: list[Score] = []
    for number, item in enumerate(tests):
        for model in ("base", "trained"):
            right = (number % 4 != 0) == (model == "trained")
            said = item.output if right else f"Perhaps a thing {number} of {model}.{text}"
            answers.append(tables.AnswerRow(item.id, model, f"{said} ({model[0]})", "0" * 32))
            for metric, value in (
                ("four_level", 4.0 if right else 2.0),
                ("pairwise", float(right)),
                ("rougeL", 100.0 * right),
            ):
                scores.append(Score(example_id=item.id, model=model, metric=metric, value=value))
    with Run.create(path) as run:
        run.write_config(
            "name: rated\ngenerate:\n  - {use: self-instruct, seeds: builtin, target: 5}\n"
            "evaluate: {on: heldout.jsonl, models: [base, trained], with: [rouge]}\n"
        )
        with run.writing("generate") as folder:
            folder.write(tables.SEEDS, tests[:2])
            folder.write(tables.EXAMPLES, tests)
            run.finish(folder, _stage("generate", items))
        with run.writing("evaluate") as folder:
            folder.write(tables.ITEMS, tests)
            folder.write(tables.ANSWERS, answers)
            folder.write(tables.SCORES, scores)
            run.finish(folder, _stage("evaluate", items))
    return path


def _stage(name: str, count: int) -> dict[str, object]:
    calls = {"made": 0, "replayed": 0, "failed": 0, "prompt_tokens": 0, "completion_tokens": 0}
    return {
        **{"stage": name, "fingerprint": "0", "calls": {**calls, "seconds": 0.0}, "seconds": 1.0},
        **{"read": count, "kept": count, "dropped": {}, "failures": 0, "models": {}},
    }
