"""The life of one example: where it came from, every prompt and reply, verdict and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    kept = {example.id: example for example in run.kept()} if filtered else {}
    parts: dict[str, tuple[str, Example]] = {key: ("rewritten", one) for key, one in kept.items()}
    for part, stage, read in (
        ("test item", "evaluate", run.items),
        ("seed", "generate", run.seeds),
        ("generated", "generate", run.examples),
    ):
        if run.stage(stage) is not None:
            parts |= {example.id: (part, example) for example in read()}
    found = [key for key in parts if key.startswith(beginning)]
    if len(found) != 1:
        what = f"{len(found)} examples begin" if found else "no example begins"
        raise ConfigError(f"{run.path}: {what} with {beginning!r}; `didact show` lists some ids")
    part, example = parts[found[0]]
    calls = [run.calls.get(key) for key in example.origin.calls]
    verdicts = _verdicts(run, example.id) if filtered else []
    last = [str(v.evidence[REWRITTEN]) for _, v in verdicts if REWRITTEN in v.evidence][-1:]
    return Life(
        example=example,
        part=part,
        parents=[parts[key][1] for key in example.origin.parents if key in parts],
        calls=[call for call in calls if call is not None],
        verdicts=verdicts,
        trained=run.stage("train") is not None and (last or [example.id])[0] in kept,
        answers=[a for a in run.answers() if a.example.id == example.id] if evaluated else [],
        scores=[s for s in run.scores() if s.example_id == example.id] if evaluated else [],
    )


def _verdicts(run: Run, example_id: str) -> list[tuple[str, Verdict]]:
    """The verdicts on an example, be the id that from before a filter changed it or after."""
    every = run.verdicts()
    given = next((key for key, _, v in every if v.evidence.get(REWRITTEN) == example_id), None)
    ids = {example_id, given}
    return [(name, verdict) for key, name, verdict in every if key in ids]
