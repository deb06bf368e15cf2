"""The life of one example: where it came from, every prompt and reply, verdict and score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from didact import tables
from didact.calls import Call
from didact.errors import ConfigError
from didact.records import Answer, Example, Score, Verdict
from didact.sifting import REWRITTEN
from didact.store import Run

__all__ = ["Life", "life"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Everything a run knows about one example."""

    example: Example
    part: str
    """``seed``, ``generated``, ``rewritten`` (a generated one as a filter changed it), or ``test
    item``."""
    parents: Sequence[Example]
    """The examples shown in its prompts, as far as the run still holds them."""
    calls: Sequence[Call]
    """Prompts and replies it was read from, in order."""
    verdicts: Sequence[tuple[str, Verdict]]
    """Filter and verdict, in order."""
    trained: bool
    """Whether the model was trained on it."""
    answers: Sequence[Answer]
    scores: Sequence[Score]


def life(run: Run, beginning: str) -> Life:
    """The life of the example whose id begins so; a ConfigError when none or several do."""
    filtered = run.stage("filter") is not None
    evaluated = run.stage("evaluate") is not None
    trained = filtered and run.stage("train") is not None
    found = _having(run, lambda key: key.startswith(beginning))
    if len(found) != 1:
        what = f"{len(found)} examples begin" if found else "no example begins"
        raise ConfigError(f"{run.path}: {what} with {beginning!r}; `didact show` lists some ids")
    [(part, example)] = found.values()
    wanted = set(example.origin.parents)
    parents = _having(run, wanted.__contains__) if wanted else {}
    calls = [run.calls.get(key) for key in example.origin.calls]
    verdicts = _verdicts(run, example.id) if filtered else []
    last = [str(v.evidence[REWRITTEN]) for _, v in verdicts if REWRITTEN in v.evidence][-1:]
    return Life(
        example=example,
        part=part,
        parents=[parents[key][1] for key in example.origin.parents if key in parents],
        calls=[call for call in calls if call is not None],
        verdicts=verdicts,
        trained=trained and _is_kept(run, (last or [example.id])[0]),
        answers=[a for a in run.answers() if a.example.id == example.id] if evaluated else [],
        scores=[s for s in run.scores() if s.example_id == example.id] if evaluated else [],
    )


def _having(run: Run, wanted: Callable[[str], bool]) -> dict[str, tuple[str, Example]]:
    """Part and example of every id that is wanted; only ids are read of the others."""
    found: dict[str, tuple[str, Example]] = {}
    for part, stage, table in (
        ("rewritten", "filter", tables.KEPT),
        ("test item", "evaluate", tables.ITEMS),
        ("seed", "generate", tables.SEEDS),
        ("generated", "generate", tables.EXAMPLES),
    ):
        if run.stage(stage) is not None:
            stored = run.stored(table)
            places = [n for n, (key,) in enumerate(stored.columns("id")) if wanted(key)]
            found |= {stored[place].id: (part, stored[place]) for place in places}
    return found


def _is_kept(run: Run, example_id: str) -> bool:
    return any(key == example_id for (key,) in run.stored(tables.KEPT).columns("id"))


def _verdicts(run: Run, example_id: str) -> list[tuple[str, Verdict]]:
    """The verdicts on an example, be the id that from before a filter changed it or after."""
    stored = run.stored(tables.VERDICTS)
    given = (
        key
        for key, evidence in stored.columns("example_id", "evidence")
        if example_id in evidence and json.loads(evidence).get(REWRITTEN) == example_id
    )
    ids = {example_id, next(given, None)}
    places = [n for n, (key,) in enumerate(stored.columns("example_id")) if key in ids]
    return [stored[place][1:] for place in places]
