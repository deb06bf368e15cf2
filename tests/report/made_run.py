"""A made-up run with everything a report can show, written with the store as stages write it."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from didact import tables
from didact.calls import call_key
from didact.records import Example, Origin, Reply, Request, Score, Usage, Verdict
from didact.store import STAGES, Run

VERBS = {
    "Write": ("story", "poem", "letter", "sentence", "list"),
    "Sort": ("words", "numbers", "animals", "names"),
    "Count": ("words", "letters", "animals", "vowels"),
    "Find": ("animal", "colour", "verb", "noun", "food"),
    "Name": ("colour", "animal", "fruit", "place"),
    "Give": ("example", "reason", "name", "answer"),
    "Rewrite": ("sentence", "story", "question"),
    "Reverse": ("order", "list", "words"),
    "Choose": ("word", "animal", "answer"),
    "Turn": ("statement", "sentence"),
    "Describe": ("animal", "place", "garden"),
    "Explain": ("difference", "reason"),
    "Compare": ("numbers", "animals"),
    "Add": ("numbers", "word"),
    "Remove": ("word", "letter"),
    "Replace": ("word", "name"),
    "Classify": ("animal", "food"),
    "Complete": ("list", "sentence", "story"),
    "Change": ("tense", "person"),
    "Make": ("question", "list"),
    "Tell": ("story", "answer"),
    "Pick": ("colour", "word"),
}
PLACES = ("in the garden", "from the market", "by the old river", "of the small town", "at night")
FAMILIES = ("opposites", "plurals", "odd one out", "yes or no", "reverse", "two steps", "summary")
WORLD = {"instructions": 380, "seen_in_pretraining": 0.25, "families": 41}
WORLD["held_out_families"] = 9
THINGS = ("apples", "geese", "lanterns", "boats", "foxes", "plums", "bells", "kites", "stones")


def write_run(
    path: Path,
    *,
    name: str = "quickstart",
    stages: Sequence[str] = STAGES,
    size: int = 400,
    items: int = 140,
    seed: int = 0,
    poison: str = "",
    audit: bool = True,
    families: bool = True,
) -> Path:
    """``poison`` is put into every text that a model, a user or a filter could have written."""
    rng = random.Random(seed)
    run = Run.create(path)
    run.write_config(_config(name, seed, poison))
    examples = _examples(rng, size, poison)
    verdicts = _verdicts(rng, examples, poison)
    dropped = {id for id, _, verdict in verdicts if not verdict.keep}
    if "generate" in stages:
        _generate(run, examples, rng, poison)
    if "filter" in stages:
        with run.writing("filter") as folder:
            folder.write(tables.VERDICTS, verdicts)
            folder.write(tables.KEPT, [e for e in examples if e.id not in dropped])
            judged = _spent("novelty", usd=1.5, tokens=(9_000, 400))
            unpriced = {**_spent("parsable", usd=0.0, tokens=(100, 10)), "unpriced": 3}
            run.finish(folder, {**_summary("filter", 3.4), "spending": [judged, unpriced]})
    if "train" in stages:
        _train(run, rng)
    if "evaluate" in stages:
        _evaluate(run, rng, items, poison, families=families)
    if audit:
        (path / "audit.json").write_text(json.dumps({"rows": _audit(poison), **WORLD}))
    run.close()
    return path


def _config(name: str, seed: int, poison: str) -> str:
    return (
        f"name: {json.dumps(name + poison)}\nseed: {seed}\n"
        "models:\n  teacher: {use: embedded}\n  human: {use: transformers, path: ../human}\n"
        "generate:\n  - {use: self-instruct, seeds: builtin, target: 500}\n"
        "filter: [parsable, length, {use: novelty, below: 0.7}]\n"
        "train: {use: sft, base: embedded, epochs: 3, learning_rate: 0.001}\n"
        "evaluate: {on: heldout.jsonl, models: [base, trained, human, copy], with: [rouge]}\n"
        f"# {poison.partition(chr(0))[0]}\n"
    )


def _examples(rng: random.Random, size: int, poison: str) -> list[Example]:
    found: dict[str, Example] = {}
    while len(found) < size:
        verb = rng.choices(list(VERBS), weights=range(len(VERBS) + 4, 4, -1))[0]
        noun = rng.choice(VERBS[verb])
        words = rng.sample(THINGS, rng.randint(2, 6))
        tail = rng.choice(("", f" {rng.choice(PLACES)}", f" about {words[0]} {rng.choice(PLACES)}"))
        instruction = f"{verb} the {noun}{tail}, {rng.choice(('then stop', 'please', 'now'))}."
        if rng.random() < 0.2:
            instruction = f"What do {words[0]} like {rng.choice(PLACES)}?"
        example = Example.single(
            instruction + poison,
            " ".join(rng.choices(THINGS, k=int(rng.lognormvariate(1.9, 0.7)) + 1)) + poison,
            input=", ".join(words) + poison if rng.random() < 0.6 else "",
            meta={"is_classification": verb in {"Classify", "Choose", "Pick"}},
            origin=Origin(recipe="self-instruct", calls=("0" * 32,)),
        )
        found[example.id] = example
    return list(found.values())


def _verdicts(
    rng: random.Random, examples: Sequence[Example], poison: str
) -> list[tuple[str, str, Verdict]]:
    rows: list[tuple[str, str, Verdict]] = []
    alive = list(examples)
    for name, chance, reasons in (
        ("parsable", 0.03, ("empty output", "output repeats the input")),
        ("length", 0.05, ("instruction too short", "output too long")),
        ("novelty", 0.24, ("too similar",)),
    ):
        kept: list[Example] = []
        for example in alive:
            drop = rng.random() < chance
            score = rng.uniform(0.7, 1) if drop else rng.betavariate(3, 4) * 0.7
            novelty = name == "novelty"
            verdict = Verdict(
                keep=not drop,
                reason=rng.choice(reasons) + poison if drop else "",
                score=score if novelty else None,
                evidence={"nearest": rng.choice(examples).instruction} if novelty else {},
            )
            rows.append((example.id, name, verdict))
            if not drop:
                kept.append(example)
        alive = kept
    return rows


def _generate(run: Run, examples: Sequence[Example], rng: random.Random, poison: str) -> None:
    for number in range(12):
        request = Request(prompt=f"list {number}{poison}")
        run.calls.record(
            call_key("embedded", request),
            request,
            role="teacher",
            model="embedded",
            outcome=Reply(
                text=f"10. Do it.{poison}",
                usage=Usage(prompt=80, completion=40),
                model=f"teacher-{number // 6}{poison}",
            ),
            seconds=0.1,
            usd=0.25,
        )
    funnel = {
        "prompts": 171,
        "candidates": 1197,
        "accepted": 500,
        "dropped": {"too similar": 512, "too short": 96, "named a picture or a file": 89},
        "without_instances": 31,
        "dropped_instances": {"same input, other output": 22, "empty output" + poison: 9},
    }
    seeds = _examples(rng, 60, poison)
    with run.writing("generate") as folder:
        folder.write(tables.SEEDS, seeds)
        folder.write(tables.EXAMPLES, examples)
        folder.write_json("statistics.json", {"self-instruct": {"funnel": funnel}})
        summary = _summary("generate", 96.2, made=1171, tokens=(412_300, 65_210))
        spent = _spent("self-instruct" + poison, usd=3.0, tokens=(412_300, 65_210))
        run.finish(folder, {**summary, "spending": [spent]})


def _train(run: Run, rng: random.Random) -> None:
    rows = [
        {"step": i, "loss": 0.35 + 3.1 * 0.97**i + rng.gauss(0, 0.07), "learning_rate": 0.001}
        for i in range(1, 121)
    ]
    with run.writing("train") as folder:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder.path / "metrics.jsonl").write_text(text + '{"step": 121, "lo')
        folder.write_json(
            "state.json",
            {"made_from": {"dtype": "bfloat16"}, "rows": 280, "refused": 2, "steps": 120},
        )
        run.finish(folder, {**_summary("train", 41.7), "model": "model"})


def _evaluate(run: Run, rng: random.Random, count: int, poison: str, *, families: bool) -> None:
    tests = [
        Example.single(
            f"Task {number} of the test.{poison}",
            "right",
            meta={"family": FAMILIES[number % len(FAMILIES)] + poison} if families else {},
            origin=Origin(recipe="test"),
        )
        for number in range(count)
    ]
    skill = {"base": 0.03, "trained": 0.62, "human": 0.74, "copy": 0.05}
    scores: list[Score] = []
    for role, chance in skill.items():
        for number, item in enumerate(tests):
            ease = (number % len(FAMILIES)) / len(FAMILIES) * 0.3 if chance > 0.5 else 0
            right = rng.random() < chance + ease - 0.1 * (chance > 0.5)
            partial = 100.0 if right else rng.betavariate(1, 4) * 60
            abstains = role == "trained" and number == 3
            scores += [
                _score(item, role, "rougeL", None if abstains else partial, poison),
                _score(item, role, "rouge1", None if abstains else min(partial + 2, 100), poison),
                _score(item, role, "exact_match", 100.0 * right, poison),
            ]
    answers = [
        tables.AnswerRow(item.id, role, f"right{poison}", "0" * 32)
        for role in skill
        for item in tests
    ]
    with run.writing("evaluate") as folder:
        folder.write(tables.ITEMS, tests)
        folder.write(tables.ANSWERS, answers)
        folder.write(tables.SCORES, scores)
        summary = _summary("evaluate", 38.4, made=420, tokens=(31_000, 9_400))
        run.finish(folder, {**summary, "models": {"base": f"5f2c{poison}", "trained": "90ab"}})


def _score(item: Example, role: str, metric: str, value: float | None, poison: str) -> Score:
    reason = f"no reference{poison}" if value is None else ""
    return Score(example_id=item.id, model=role, metric=metric, value=value, reason=reason)


def _summary(
    stage: str, seconds: float, *, made: int = 0, tokens: tuple[int, int] = (0, 0)
) -> dict[str, object]:
    calls = {
        "made": made,
        "replayed": made // 10,
        "failed": 0,
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "seconds": seconds,
    }
    return {"stage": stage, "fingerprint": "0", "calls": calls, "seconds": seconds, "models": {}}


def _spent(part: str, *, usd: float, tokens: tuple[int, int]) -> dict[str, object]:
    return {
        **{"part": part, "role": "teacher", "made": 12, "replayed": 3, "failed": 1},
        **{"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "usd": usd},
        **{"unpriced": 0, "seconds": 9.5},
    }


def _audit(poison: str) -> list[dict[str, object]]:
    return [
        {
            "stage": stage + poison,
            "total": total,
            "valid_instruction": round(total * 0.93),
            "input_appropriate": round(total * (0.71 + lift)),
            "output_correct": round(total * (0.55 + lift)),
            "all_valid": round(total * (0.5 + lift)),
            "unknown": 17,
        }
        for stage, total, lift in (
            ("before filtering", 400, 0.0),
            ("after length", 366, 0.03),
            ("after novelty", 282, 0.06),
        )
    ]
