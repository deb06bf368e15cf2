"""Is the data any good? A sample, three questions, and whoever can answer them.

Table 2 of Self-Instruct (Y. Wang et al. 2022, arXiv 2212.10560): of 200 instructions 92 % were
valid tasks, 79 % of the inputs appropriate, 58 % of the outputs correct, 54 % right in everything;
one author answered. Here people do (`didact rate RUN --mode audit`, or a file), or a judge, or
both, and every rate has its interval (Wilson). In the microworld a program knows the truth: then
people and judge are told how often they are right, which is what an audit of anything else rests
on.

Cost: one call for each example of the sample with a judge, none without.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, cast

from didact.config import RunConfig
from didact.context import Listener
from didact.data_answers import Said, answers_of_book, answers_of_file, majority
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.judges.asking import Question, Rulings, chat, rulings, text_reader
from didact.judges.duels import bounds
from didact.microworld.auditor import audit
from didact.records import JSON, Example, Sampling
from didact.stats.agreement import cohen, krippendorff
from didact.stats.bootstrap import Interval, wilson
from didact.stats.portions import by_lot
from didact.store import Run
from didact.text.three_questions import QUESTIONS, audit_prompt, read_three
from didact.work import Work, opened, run_async

__all__ = ["ALL", "Against", "DataAudit", "Rated", "Truth", "audit_run", "draw"]

ALL = "all_valid"
_PAPER = {QUESTIONS[0]: 92, QUESTIONS[1]: 79, QUESTIONS[2]: 58, ALL: 54}
_WORDS = {
    QUESTIONS[0]: "a valid task",
    QUESTIONS[1]: "a suitable input",
    QUESTIONS[2]: "a right output",
    ALL: "all three",
}
_SEED = 0


class Rated(NamedTuple):
    """What one rater, or the majority of several, said to one question."""

    who: str
    question: str
    share: Interval
    """Of those answered."""
    yes: int
    answered: int
    left_open: int


class Against(NamedTuple):
    """A rater beside the truth, on one question."""

    who: str
    question: str
    same: Interval
    """How often it says what is true."""
    kappa: Interval | None
    """Beyond chance; None where all is alike, and chance cannot be told."""
    wrong_found: Interval | None
    """Of what is wrong, how much it calls wrong; None where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the microworld's auditor says of the same sample."""

    rated: tuple[Rated, ...]
    against: tuple[Against, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAudit:
    """What came out."""

    sample: int
    of: int
    rated: tuple[Rated, ...]
    agreed: tuple[tuple[str, Interval], ...]
    """Question to Krippendorff's alpha of the people, where there are two or more."""
    unread: Mapping[str, int]
    """Replies of the judge that answered no question, by reason."""
    truth: Truth | None

    def lines(self) -> list[str]:
        """Everything in words."""
        told = [f"{self.sample:,} of {self.of:,} examples, drawn by lot"]
        for one in (*self.rated, *(self.truth.rated if self.truth else ())):
            left = f", {one.left_open} open" if one.left_open else ""
            told.append(
                f"{one.who:<16} {_WORDS[one.question]:<17} {_percent(one.share)}"
                f"  ({one.yes} of {one.answered}{left}; the paper: {_PAPER[one.question]} %)"
            )
        for question, alpha in self.agreed:
            told.append(f"people agree on {_WORDS[question]}: alpha {_number(alpha)}")
        for one in self.truth.against if self.truth else ():
            found = (
                f", finds {_percent(one.wrong_found)} of what is wrong" if one.wrong_found else ""
            )
            kappa = f", kappa {_number(one.kappa)}" if one.kappa else ""
            told.append(
                f"{one.who} on {_WORDS[one.question]}: right in {_percent(one.same)}{kappa}{found}"
            )
        for reason, count in self.unread.items():
            told.append(f"judge: {count} replies not counted ({reason})")
        return told

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "sample": self.sample,
            "of": self.of,
            "rated": [_row(one) for one in self.rated],
            "agreed": {question: bounds(alpha) for question, alpha in self.agreed},
            "unread": dict(self.unread),
            "truth": [_row(one) for one in self.truth.rated] if self.truth else None,
            "against_truth": [_row(one) for one in self.truth.against] if self.truth else None,
        }


def draw(run: Path, count: int, *, seed: int = 0) -> tuple[list[Example], int]:
    """A sample of the kept examples, or of all where none is filtered, and how many there are."""
    with Run.open(run) as found:
        examples = found.kept() if found.stage("filter") is not None else found.examples()
    if not examples:
        raise DidactError(f"{run}: there are no examples to audit")
    chosen = sorted(by_lot([example.id for example in examples], seed=seed)[:count])
    return [examples[place] for place in chosen], len(examples)


def audit_run(
    path: Path,
    config: RunConfig,
    *,
    sample: int = 200,
    judge: str | None = None,
    ratings: Path | None = None,
    seed: int = 0,
    on_event: Listener | None = None,
) -> DataAudit:
    """Ask, count and compare; the result is also in ``data-audit.json`` and the run's report."""
    examples, total = draw(path, sample, seed=seed)
    people = answers_of_file(ratings) if ratings is not None else answers_of_book(path)
    counts = Rulings()
    raters: dict[str, Said] = {}
    if judge is not None:
        raters[judge] = run_async(lambda: _judged(path, config, judge, examples, counts, on_event))
    if people:
        raters["people"] = majority(list(people.values()))
    truth = _truths(path, examples, people)
    if not raters and truth is None:
        raise ConfigError(
            f"audit: nobody has answered yet. Ask people: didact rate {path} --mode audit; or a"
            " judge: --judge ROLE, a role under models: (here: "
            f"{', '.join(config.models) or 'none'})"
        )
    known = truth or {}
    result = DataAudit(
        sample=len(examples),
        of=total,
        rated=tuple(one for who, said in raters.items() for one in _rated(who, said)),
        agreed=tuple(_agreed(people)),
        unread=dict(counts.unread),
        truth=Truth(
            rated=tuple(_rated("the truth", {e.id: known[e.id] for e in examples})),
            against=tuple(a for who, said in raters.items() for a in _against(who, said, known)),
        )
        if truth is not None
        else None,
    )
    _keep(path, result)
    return result


async def _judged(
    path: Path,
    config: RunConfig,
    judge: str,
    examples: Sequence[Example],
    counts: Rulings,
    on_event: Listener | None,
) -> Said:
    said: dict[str, tuple[bool | None, ...]] = {}
    with opened(config, path) as run:
        work = Work("audit", config, run, on_event=on_event, retry=False)
        if judge not in work.models:
            known = ", ".join(work.models) or "none"
            raise ConfigError(f"audit: no role {judge!r} under models: (there are: {known})")
        questions = [
            Question(
                example,
                chat(
                    audit_prompt(example.instruction, example.input, example.output),
                    Sampling(max_tokens=64),
                ),
                text_reader(read_three),
            )
            for example in examples
        ]
        try:
            async with aclosing(rulings(work.context(), judge, questions, counts)) as results:
                number = 0
                async for ruling in results:
                    open_ = (None,) * len(QUESTIONS)
                    said[examples[number].id] = ruling.verdict or open_
                    number += 1
                    work.tell("progress", done=number, total=len(examples), kept=number, dropped=0)
        finally:
            await work.close()
    return said


def _rated(who: str, said: Said) -> list[Rated]:
    found: list[Rated] = []
    for number, question in enumerate((*QUESTIONS, ALL)):
        answers = [_answer(answers, number) for answers in said.values()]
        yes, answered = answers.count(True), len(answers) - answers.count(None)
        if answered:
            share = wilson(yes, answered)
            found.append(Rated(who, question, share, yes, answered, answers.count(None)))
    return found


def _answer(said: Sequence[bool | None], number: int) -> bool | None:
    """To one question; to all of them yes where all are, no where one is not."""
    if number < len(QUESTIONS):
        return said[number]
    if False in said:
        return False
    return None if None in said else True


def _agreed(people: Mapping[str, Said]) -> list[tuple[str, Interval]]:
    if len(people) < 2:
        return []
    keys = list(dict.fromkeys(key for said in people.values() for key in said))
    found: list[tuple[str, Interval]] = []
    for number, question in enumerate(QUESTIONS):
        rows = [
            [_as_number(said[key][number]) if key in said else None for said in people.values()]
            for key in keys
        ]
        if any(sum(value is not None for value in row) > 1 for row in rows):
            alpha = krippendorff(rows, seed=_SEED)
            found += [(question, alpha)] if isfinite(alpha.mean) else []
    return found


def _as_number(answer: bool | None) -> float | None:
    return None if answer is None else float(answer)


def _truths(path: Path, examples: Sequence[Example], people: Mapping[str, Said]) -> Said | None:
    """What is true of the sample and of what people rated; None outside of the microworld."""
    rated = {key for said in people.values() for key in said}
    with Run.open(path) as run:
        more = [example for example in run.examples() if example.id in rated]
    audits = {example.id: audit(example) for example in (*examples, *more)}
    if sum(bool(found.family) for found in audits.values()) * 2 < len(audits):
        return None
    return {
        key: (found.valid_instruction, found.input_appropriate, found.output_correct)
        for key, found in audits.items()
    }


def _against(who: str, said: Said, truth: Said) -> list[Against]:
    found: list[Against] = []
    for number, question in enumerate((*QUESTIONS, ALL)):
        pairs = [
            (answer, _answer(truth[key], number))
            for key, answers in said.items()
            if key in truth and (answer := _answer(answers, number)) is not None
        ]
        if not pairs:
            continue
        wrong = [answer for answer, right in pairs if not right]
        found.append(
            Against(
                who,
                question,
                wilson(sum(a == b for a, b in pairs), len(pairs)),
                _known(cohen([a for a, _ in pairs], [b for _, b in pairs], seed=_SEED)),
                wilson(wrong.count(False), len(wrong)) if wrong else None,
            )
        )
    return found


def _known(kappa: Interval) -> Interval | None:
    return kappa if isfinite(kappa.mean) else None


def _keep(path: Path, result: DataAudit) -> None:
    """The result, and its rows beside those of the stages, where the report finds them."""
    rows: list[dict[str, JSON]] = []
    by_rater: dict[str, dict[str, Rated]] = {}
    for one in result.rated:
        by_rater.setdefault(one.who, {})[one.question] = one
    for who, questions in by_rater.items():
        most = max(one.answered for one in questions.values())
        counted = Counter({name: one.yes for name, one in questions.items()})
        rows.append({"stage": _stage(who), "total": most, **counted})
    file = path / "audit.json"
    found: Any = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    whole = cast("dict[str, Any]", {"rows": found} if isinstance(found, list) else found)
    new = [row["stage"] for row in rows]
    old = [row for row in cast("list[Any]", whole.get("rows") or []) if row["stage"] not in new]
    with storing(path):
        text = json.dumps(result.to_json(), indent=2)
        (path / "data-audit.json").write_text(text + "\n", encoding="utf-8")
        if rows:
            text = json.dumps({**whole, "rows": [*old, *rows]}, indent=2)
            file.write_text(text + "\n", encoding="utf-8")


def _stage(who: str) -> str:
    return f"a sample, rated by {'people' if who == 'people' else f'the role {who}'}"


def _row(one: Rated | Against) -> JSON:
    plain = {k: bounds(v) if isinstance(v, Interval) else v for k, v in one._asdict().items()}
    return cast("JSON", plain)


def _percent(share: Interval) -> str:
    return f"{share.mean:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _number(interval: Interval) -> str:
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
