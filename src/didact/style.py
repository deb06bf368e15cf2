"""Style against capability: how much of what tuning won is form.

The False Promise of Imitating Proprietary LLMs (A. Gudibande et al. 2023, arXiv 2305.15717): judges
like a model that sounds like its teacher while what it can do stays the same. Four things are put
beside each other: what a judge prefers, raw and where both answers looked alike (length, lists,
headings, hedging, opening phrases); exact answers, where form wins nothing; the distance of the
answers' surface to that of the teacher's; and two controls. A model tuned on answers shuffled among
tasks learned the form alone (P. Kung and N. Peng 2023): what it gains on exact answers is no
capability. Copying the input is what no tuning is needed for.

It is read from a run that is done, or from recorded preferences. Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from didact.arms import families_of
from didact.config import BASE, TRAINED
from didact.document import parse
from didact.errors import DidactError, StoreError
from didact.formats.containers import BadRow, rows_of
from didact.records import Answer, Example
from didact.stats.bootstrap import Interval
from didact.stats.form import Form, form
from didact.stats.means import gain_interval, mean_interval
from didact.stats.ratios import part_of
from didact.stats.scales import scale_of
from didact.stats.surfaces import surface_distance
from didact.store import Run
from didact.text.surface import MARKS, Surface, surface

__all__ = ["Distance", "Exact", "Preferred", "Style", "recorded_style", "run_style"]

_SEED = 20230525
"""Of the resampling."""
_JUDGED = {
    "pairwise", "win_rate", "length_controlled", "scored_pair", "graded", "four_level",
    "satisfying", "acceptable", "helpful", "honest", "harmless",
}  # fmt: skip
_OVERLAP = {"rougeL", "rouge1", "rouge2"}
"""Of words with a reference: neither exact nor of a judge."""


class Preferred(NamedTuple):
    """What a judge makes of one model beside another."""

    model: str
    against: str
    metric: str
    found: Form
    unread: int
    """Pairs without a verdict."""


class Exact(NamedTuple):
    """One model on one metric that form cannot win."""

    model: str
    metric: str
    score: Interval
    gain: Interval | None
    """Over the base."""
    part: Interval | None
    """Of the gain of the trained one, percent; None for it, and where it may have none."""
    items: int


class Distance(NamedTuple):
    """The surface of one model's answers beside the teacher's."""

    model: str
    means: Surface
    distance: Interval | None
    """Root of the mean square over the marks, in deviations of the teacher's; None for theirs, and
    for a single answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The whole comparison."""

    name: str
    preferred: tuple[Preferred, ...]
    exact: tuple[Exact, ...]
    distances: tuple[Distance, ...]
    copies: str = ""
    """The role that copies its input."""
    shuffled: str = ""
    """The role that was tuned on shuffled answers."""
    recorded: bool = False
    """Whether it is of recorded preferences alone, with no run behind them."""

    def lines(self) -> list[str]:
        """What it says, in sentences: the lede of the page."""
        told: list[str] = []
        if self.recorded:
            return [_of_judge(one) for one in self.preferred]
        told += [_of_judge(one) for one in self.preferred[:1]]
        told += [self._of_control(one) for one in self.preferred[:1]]
        gains = [one for one in self.exact if one.model == TRAINED and one.gain]
        for one in gains[:2]:
            told.append(self._of_exact(one))
        if not gains:
            told.append("No exact-answer suite was scored: what was learned cannot be told.")
        near = {one.model: one.distance for one in self.distances if one.distance}
        if BASE in near and TRAINED in near:
            told.append(
                f"Its answers look {_plain(near[TRAINED])} deviations away from those it was"
                f" trained on; the base's, {_plain(near[BASE])}."
            )
        if not self.shuffled:
            told.append(
                "There is no model tuned on shuffled answers among the roles: whether the exact"
                " gain is more than form is not controlled for."
            )
        return told

    def _of_control(self, one: Preferred) -> str:
        """What the judge makes of the model that learned the form alone."""
        for other in self.preferred:
            if (other.model, other.metric) == (self.shuffled, one.metric):
                text = f"It prefers {other.model}, tuned on shuffled answers, in"
                text += f" {_plain(other.found.raw)} %"
                return f"{text}. That much is had by form alone."
        return "The judge was not shown a model tuned on shuffled answers."

    def _of_exact(self, one: Exact) -> str:
        assert one.gain is not None
        text = f"{one.metric.replace('_', ' ')}: {_signed(one.gain)} points over the base"
        others = {e.model: e for e in self.exact if e.metric == one.metric}
        control = others.get(self.shuffled)
        if control is not None and control.gain is not None:
            text += f"; tuned on shuffled answers {_signed(control.gain)}"
            if control.part is not None:
                text += f", which is {_plain(control.part)} % of it"
        copy = others.get(self.copies)
        if copy is not None:
            text += f"; copying the input scores {_plain(copy.score)}"
        return text + "."


def run_style(path: Path, *, copies: str = "", shuffled: str = "") -> Style:
    """Of a run that is evaluated; the controls are roles of it, found by their models or names."""
    with Run.open(path) as run:
        settings = parse(run.path / "run.yaml").data
        if run.stage("evaluate") is None:
            raise StoreError(f"{path}: the run is not evaluated yet; run evaluate first")
        answers, kept = run.answers(), run.kept()
        scores = {(s.metric, s.model, s.example_id): s.value for s in run.scores()}
        families = families_of(run.items())
    roles = list(dict.fromkeys(answer.model for answer in answers))
    models = cast("dict[str, dict[str, Any]]", settings.get("models") or {})
    copies = copies or next((r for r in roles if models.get(r, {}).get("use") == "copy-input"), "")
    shuffled = shuffled or next((r for r in roles if r in ("shuffled", "random-labels")), "")
    if missing := [role for role in (copies, shuffled) if role and role not in roles]:
        raise DidactError(f"{path}: no answers of {', '.join(missing)} ({', '.join(roles)} have)")
    return Style(
        name=str(settings.get("name") or path.name),
        preferred=tuple(_preferred(settings, answers, scores, families)),
        exact=tuple(_exact(scores, roles, families)),
        distances=tuple(_distances(answers, roles, kept, families)),
        copies=copies,
        shuffled=shuffled,
    )


def recorded_style(file: Path) -> Style:
    """Of recorded preferences: rows of answer, other, preference from 0 to 1.

    Also as AlpacaEval writes them: output_1 (the reference), output_2, preference from 1 to 2.
    """
    found: dict[tuple[str, str], list[tuple[float | None, str, str]]] = {}
    for line, row in rows_of(file):
        if isinstance(row, BadRow):
            raise DidactError(f"{file}, line {line}: {row.message}")
        key, told = _recorded(row)
        if key is None:
            raise DidactError(
                f"{file}, line {line}: needs answer, other, preference (0 to 1), or AlpacaEval's"
                f" output_1, output_2, preference; it has {', '.join(row)}"
            )
        found.setdefault(key, []).append(told)
    preferred: list[Preferred] = []
    for (model, against), rows in found.items():
        read = [(p, a, b) for p, a, b in rows if p is not None]
        if len(read) >= 3:
            fitted = form(
                [p for p, _, _ in read],
                [_difference(a, b) for _, a, b in read],
                seed=_SEED,
                names=MARKS,
            )
            preferred.append(Preferred(model, against, "preference", fitted, len(rows) - len(read)))
    distances: list[Distance] = []
    for (model, against), rows in found.items():
        theirs = [surface(b) for _, _, b in rows]
        mine = [surface(a) for _, a, _ in rows]
        if against not in [one.model for one in distances]:
            distances.append(Distance(against, _mean(theirs), None))
        distances.append(Distance(model, _mean(mine), _apart(mine, theirs)))
    return Style(
        name=file.name,
        preferred=tuple(preferred),
        exact=(),
        distances=tuple(distances),
        recorded=True,
    )


def _recorded(row: Mapping[str, Any]) -> tuple[Any, tuple[float | None, str, str]]:
    preference = row.get("preference")
    number = float(preference) if isinstance(preference, int | float) else None
    if {"output_1", "output_2"} <= row.keys() and "preference" in row:
        names = (str(row.get("generator_2") or "model"), str(row.get("generator_1") or "reference"))
        if number is not None:
            # 0 stands for a draw; outside of 1 to 2 there is no verdict.
            number = 0.5 if number == 0 else number - 1 if 1 <= number <= 2 else None
        return names, (number, str(row["output_2"]), str(row["output_1"]))
    if {"answer", "other", "preference"} <= row.keys():
        names = (str(row.get("model") or "model"), str(row.get("against") or "other"))
        fits = number is not None and 0 <= number <= 1
        return names, (number if fits else None, str(row["answer"]), str(row["other"]))
    return None, (None, "", "")


def _preferred(
    settings: Mapping[str, Any],
    answers: Sequence[Answer],
    scores: Mapping[tuple[str, str, str], float | None],
    families: Mapping[str, str],
) -> list[Preferred]:
    texts = {(a.model, a.example.id): a.text for a in answers}
    items = {a.example.id: a.example for a in answers}
    roles = list(dict.fromkeys(a.model for a in answers))
    found: list[Preferred] = []
    for metric, against in _judges(settings, roles):
        for role in (role for role in roles if role != against):
            pairs: list[tuple[float, list[float], str]] = []
            unread = 0
            for item, example in items.items():
                other = example.output if against == "reference" else texts.get((against, item))
                value = scores.get((metric, role, item))
                if value is None or other is None or (role, item) not in texts:
                    unread += (metric, role, item) in scores
                    continue
                told = _difference(texts[role, item], other)
                pairs.append((value, told, families.get(item, item)))
            if len(pairs) >= 3:
                fitted = form(
                    [p for p, _, _ in pairs],
                    [d for _, d, _ in pairs],
                    seed=_SEED,
                    names=MARKS,
                    clusters=[family for _, _, family in pairs],
                )
                found.append(Preferred(role, against, metric, fitted, unread))
    # The model that was tuned first: it is what the page is about.
    return sorted(found, key=lambda one: one.model != TRAINED)


def _judges(settings: Mapping[str, Any], roles: Sequence[str]) -> list[tuple[str, str]]:
    """Metric and opponent of every evaluator that compares answers in pairs."""
    evaluate = cast("dict[str, Any]", settings.get("evaluate") or {})
    found: list[tuple[str, str]] = []
    for entry in cast("list[Any]", evaluate.get("with") or []):
        given = {"use": entry} if isinstance(entry, str) else cast("dict[str, Any]", entry)
        metric = {"pairwise": "pairwise", "win-rate": "win_rate"}.get(str(given.get("use")))
        against = given.get("against")
        if metric == "win_rate":
            against = against or "reference"
        elif metric and against is None:
            # Every pair of models: with two there is one opponent, with one the reference.
            others = [role for role in roles if role != TRAINED]
            against = "reference" if len(roles) == 1 else others[0] if len(roles) == 2 else None
        if metric and against:
            found.append((metric, str(against)))
    return found


def _exact(
    scores: Mapping[tuple[str, str, str], float | None],
    roles: Sequence[str],
    families: Mapping[str, str],
) -> list[Exact]:
    found: list[Exact] = []
    metrics = dict.fromkeys(metric for metric, _, _ in scores)
    for metric in (m for m in metrics if m not in _JUDGED | _OVERLAP):
        tables = {
            role: {
                item: value
                for (m, r, item), value in scores.items()
                if (m, r) == (metric, role) and value is not None
            }
            for role in roles
        }
        scale = scale_of(metric, [v for table in tables.values() for v in table.values()])
        for role, table in tables.items():
            if not table:
                continue
            groups = [families.get(item, item) for item in table]
            values = [scale.factor * value for value in table.values()]
            gain = None
            base = tables.get(BASE, {})
            shared = [item for item in table if item in base]
            if role != BASE and shared:
                gain = gain_interval(
                    [scale.factor * table[item] for item in shared],
                    [scale.factor * base[item] for item in shared],
                    low=scale.low,
                    top=scale.top,
                    seed=_SEED,
                    clusters=[families.get(item, item) for item in shared],
                )
            score = mean_interval(values, low=scale.low, top=scale.top, seed=_SEED, clusters=groups)
            part = None if role in (BASE, TRAINED) else _part(tables, role, families)
            found.append(Exact(role, metric, score, gain, part, len(table)))
    return found


def _part(
    tables: Mapping[str, Mapping[str, float]], role: str, families: Mapping[str, str]
) -> Interval | None:
    """The gain of a role over the base for that of the trained one, on the items of all three."""
    base, whole, mine = (tables.get(one, {}) for one in (BASE, TRAINED, role))
    shared = [item for item in mine if item in base and item in whole]
    if len(shared) < 2:
        return None
    return part_of(
        [mine[item] - base[item] for item in shared],
        [whole[item] - base[item] for item in shared],
        seed=_SEED,
        clusters=[families.get(item, item) for item in shared],
    )


def _distances(
    answers: Sequence[Answer],
    roles: Sequence[str],
    kept: Sequence[Example],
    families: Mapping[str, str],
) -> list[Distance]:
    """The teacher is who wrote the outputs that were trained on."""
    teacher = [surface(example.output) for example in kept]
    if not teacher:
        return []
    found = [Distance("the training data", _mean(teacher), None)]
    for role in roles:
        own = [answer for answer in answers if answer.model == role]
        mine = [surface(answer.text) for answer in own]
        groups = [families.get(answer.example.id, answer.example.id) for answer in own]
        found.append(Distance(role, _mean(mine), _apart(mine, teacher, groups)))
    return found


def _apart(
    mine: Sequence[Surface], teacher: Sequence[Surface], clusters: Sequence[str] | None = None
) -> Interval | None:
    few = min(len(mine), len(teacher)) < 2
    return None if few else surface_distance(mine, teacher, clusters=clusters)


def _difference(text: str, other: str) -> list[float]:
    return [a - b for a, b in zip(surface(text), surface(other), strict=True)]


def _mean(marks: Sequence[Surface]) -> Surface:
    return Surface(*(sum(values) / len(marks) for values in zip(*marks, strict=True)))


def _of_judge(one: Preferred) -> str:
    found = one.found
    text = f"The judge prefers {one.model} to {one.against} in {_plain(found.raw)} % of"
    text += f" {found.items:,} pairs"
    if found.alike is None or found.explained is None:
        return f"{text}; every verdict is the same, so form cannot be told from content by it."
    text += f"; where both answers looked alike, in {_plain(found.alike)} %."
    if found.share is None or found.raw.mean <= 50:
        text += f" That is no clear gain; form gives it {_signed(found.explained)} points."
    else:
        text += f" Form explains {_plain(found.share)} % of the gain over an even match."
    return " ".join([text, *(f"But: {warning}." for warning in found.warnings)])


def _plain(interval: Interval) -> str:
    mean, low, high = (f"{value:.1f}".replace("-", "\N{MINUS SIGN}") for value in interval)
    return f"{mean} [{low}, {high}]"


def _signed(interval: Interval) -> str:
    mean, low, high = (f"{value:+.1f}".replace("-", "\N{MINUS SIGN}") for value in interval)
    return f"{mean} [{low}, {high}]"
