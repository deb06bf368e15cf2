"""What people said of the answers: the ratings of ``didact rate``, exported as JSON Lines.

Four levels as 4 to 1 for A to D and the share that is at least acceptable (Self-Instruct, Y. Wang
et al. 2022, arXiv 2212.10560); pairs as 1, 0.5 and 0 for won, tied and lost; helpful, honest and
harmless in the same way, one by one. An answer's score is the mean over its raters, and over the
models it was compared with. A rating counts only for the text that was rated: where the model
answers otherwise now, the answer abstains and says so. Attention items score nothing; a rater who
passed too few of them is left out, and counted.

Cost: no calls; people's time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar, cast

from didact.context import Context
from didact.errors import ConfigError
from didact.ratings.modes import LEVELS
from didact.ratings.tasks import text_id
from didact.records import Answer, Score

__all__ = ["Rated"]

_log = logging.getLogger("didact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What people said of the answers: `people_level`, `people_pairwise`, `people_helpful`..."""

    version: ClassVar[str] = "1"

    path: Path
    """The ratings: what `didact rate RUN --export FILE` wrote."""
    attention: float = 0.75
    """The share of attention items that a rater must have passed to count, from 0 to 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.attention <= 1:
            raise ValueError("attention: a share, from 0 to 1")

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """One score per answer for each metric that the ratings have."""
        lines = _read(self.path)
        careless = _careless(lines, self.attention)
        counted = [line for line in lines if line["rater"] not in careless]
        if careless:
            told = ", ".join(f"{rater} passed {share:.0%}" for rater, share in careless.items())
            if not counted:
                raise ConfigError(
                    f"{self.path}: every rater failed the attention items ({told}); nothing is left"
                    f" to score. To count them all the same: attention: {min(careless.values()):g}"
                )
            _log.warning("rated: left out for the attention items: %s", told)
        table, texts = _table(counted)
        metrics = sorted({metric for metric, _, _, _ in table})
        scored = 0
        for metric in metrics:
            for answer in answers:
                place = (answer.example.id, answer.model)
                values = table.get((metric, *place, text_id(answer.text)))
                scored += values is not None
                # Of each opponent the mean of the raters, and of these the mean.
                yield Score(
                    example_id=answer.example.id,
                    model=answer.model,
                    metric=f"people_{metric}",
                    value=fmean(fmean(given) for given in values.values()) if values else None,
                    reason=_told(values)
                    if values
                    else "another text was rated"
                    if (metric, *place) in texts
                    else "not rated",
                )
        ctx.note(
            "statistics",
            ratings=len(counted),
            raters=[*sorted({str(line["rater"]) for line in counted})],
            careless=[*careless],
            scored=scored,
        )


_Place = tuple[str, str, str, str]
"""Metric, item, model, hash of the text."""


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not text.strip():
            continue
        try:
            line = cast("dict[str, Any]", json.loads(text))
            known = line["mode"], line["rater"], line["example_id"], line["answers"], line["said"]
            _ = known, line["attention"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path}:{number}: not a rating ({type(error).__name__}: {error}); write the file"
                " with didact rate RUN --export"
            ) from error
        if line["mode"] != "audit":
            found.append(line)
    if not found:
        raise ConfigError(f"{path}: no rating of an answer in it")
    return found


def _careless(lines: Sequence[Mapping[str, Any]], least: float) -> dict[str, float]:
    """Raters who do not count, and the share of attention items they passed."""
    seen: dict[str, list[bool]] = {}
    for line in lines:
        if line["attention"] is not None:
            seen.setdefault(line["rater"], []).append(bool(line["attention"]["passed"]))
    shares = {rater: fmean(passed) for rater, passed in seen.items()}
    return {rater: share for rater, share in sorted(shares.items()) if share < least}


def _table(
    lines: Iterable[Mapping[str, Any]],
) -> tuple[dict[_Place, dict[str, list[float]]], set[tuple[str, str, str]]]:
    """The votes on every text, by opponent; and what was rated at all."""
    table: dict[_Place, dict[str, list[float]]] = {}
    for line in lines:
        if line["attention"] is not None:
            continue
        sides = cast("list[dict[str, str]]", line["answers"])
        for side in sides:
            other = next((s["model"] for s in sides if s is not side), "")
            for metric, value in _votes(line, side["model"]).items():
                place = (metric, str(line["example_id"]), side["model"], side["id"])
                table.setdefault(place, {}).setdefault(other, []).append(value)
    return table, {place[:3] for place in table}


def _votes(line: Mapping[str, Any], model: str) -> dict[str, float]:
    said = cast("dict[str, str | None]", line["said"])
    if line["mode"] == "levels":
        level = said.get("level")
        if level is None:
            return {}
        return {"level": LEVELS[level], "acceptable": float(level in "AB")}
    names = {"better": "pairwise"}
    return {
        names.get(question, question): 0.5 if value == "tie" else float(value == model)
        for question, value in said.items()
        if value is not None
    }


def _told(values: Mapping[str, Sequence[float]]) -> str:
    number = sum(len(given) for given in values.values())
    return f"{number} {'rating' if number == 1 else 'ratings'}"
