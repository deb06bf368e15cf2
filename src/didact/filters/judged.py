"""Keep the examples that a language model rates highly enough.

Five published ways of asking (`form`): the five points of Humpback's curation (Li et al. 2023,
arXiv 2308.06259), also as a `page` that a small model continues; one dimension from 0 to 5 as
AlpaGasus (Chen et al. 2023, arXiv 2307.08701), 1 to 10 as Vicuna's judge (Chiang et al. 2023), and
the aspects or the critique of UltraFeedback (Cui et al. 2023, arXiv 2310.01377).

How ours differs from all of them: a reply without a rating is asked for again, as another draw with
some temperature, and an example that stays without one is left out as `unscored`, which is counted
and is never a low score (AlpaGasus writes -1 beside its ratings). Ratings are joined to examples by
id and not by position. Several samples can be averaged; a threshold such as 4.5, which no single
whole rating can meet, has both its readings (`reading`). A judge can be audited on labelled items
first, and is refused below a set agreement. For `mode` see `didact.text.ratings`.

In backtranslation M_0, the model tuned on the seed data, scores every candidate, and M_1 scores
all again. The paper names its sets A_4 (a score of 4 or more) and A_5 (4.5 or more); the statistics
have the size of both. Examples with `meta.data: seed` pass unasked.

Every rating is a call in the call log, so another threshold decides anew without asking anybody.

Cost: `samples` calls an example, times the aspects, and up to `retries` for each unread reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from pathlib import Path
from statistics import fmean, median_low
from typing import ClassVar, Literal, cast

from didact.components import find
from didact.context import Context, Source
from didact.errors import ConfigError, DidactError, ModelError, ParseError
from didact.judge_audit import JudgeAudit, Rated, audit_judge
from didact.records import JSON, Example, Message, Reply, Request, Sampling, Verdict
from didact.text.backtranslation import PUBLISHED, characters
from didact.text.last_turn import answer_of
from didact.text.rating_forms import ASPECTS, FORMS, Name, questions
from didact.text.words import count_words

__all__ = ["Judged"]

_AGAIN = 1000
"""Between the draws of one time that the audit asks and those of the next."""
_CURATION = ("curation", "page")
"""The forms of backtranslation."""
_EVIDENCE = 500
"""Characters of what the judge said, beside the verdict; the whole reply is in the call log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Drop what a judge rates below a threshold; what it cannot rate is left out as unscored."""

    version: ClassVar[str] = "2"

    model: str = "judge"
    """The role that rates."""
    form: Name = "curation"
    """`curation` 1 to 5 (Humpback), `page` the same for a small model, `dimension` 0 to 5
    (AlpaGasus), `ten` 1 to 10 (Vicuna), `aspects` 1 to 5 for each aspect, `critique` 1 to 10 after
    a critique (UltraFeedback)."""
    at_least: float | None = None
    """The lowest rating kept; none: that of the form, in its order 5, 5, 4.5, 8, 4, 8."""
    reading: Literal["mean", "whole"] = "mean"
    """What must reach a threshold such as 4.5: the `mean` of the samples; or, `whole`, the middle
    one of them (of two the lower), and then the next whole number: 5."""
    dimension: str = "accuracy"
    """What `dimension` rates; the paper tried helpfulness too."""
    aspects: tuple[str, ...] = tuple(ASPECTS)
    """What `aspects` rates, each in a call of its own; their mean is the rating."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` reads ratings as the published code of the form does, errors included."""

    seeds: Literal["pass", "judge"] = "pass"
    """What becomes of examples whose `meta.data` is `seed`: backtranslation keeps them unasked."""

    samples: int = 1
    """Ratings of each example, of which the mean counts; more than one need a temperature."""
    retries: int = 2
    """How often a reply without a rating is asked for again."""
    temperature: float = 0.0
    """Of the replies."""
    retry_temperature: float = 0.7
    """Of a reply that is asked for again, at least: a greedy judge would say the same."""
    top_p: float = 1.0
    """Of the replies."""
    max_tokens: int = 1024
    """Of a reply; AlpaGasus had 256, Humpback's open replication 512, which cuts many off."""

    audit: Path | None = None
    """A file of labelled examples to audit the judge on first: rows with a further key `label`,
    0 or 1, or a rating on the scale of the form."""
    agreement: float = 0.7
    """The lowest share of labelled examples decided as labelled; below it, the judge is refused."""
    audit_times: int = 2
    """How often each labelled example is rated, to tell how well the judge repeats itself."""

    def __post_init__(self) -> None:
        form = FORMS[self.form]
        if self.at_least is not None and not form.lowest <= self.at_least <= form.highest:
            raise ConfigError(
                f"at_least is a rating from {form.lowest:g} to {form.highest:g}, not"
                f" {self.at_least:g}"
            )
        if self.samples < 1 or self.retries < 0 or self.audit_times < 1:
            raise ConfigError("samples and audit_times must be at least 1, retries at least 0")
        if self.samples > 1 and not self.temperature > 0:
            raise ConfigError("several samples need a temperature: greedy replies are all alike")
        if not self.aspects:
            raise ConfigError("aspects: name at least one")
        if not 0 <= self.agreement <= 1:
            raise ConfigError(f"agreement is a share from 0 to 1, not {self.agreement:g}")

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the model must be able to do."""
        return {"model": frozenset({"completion" if FORMS[self.form].stop else "chat"})}

    @property
    def threshold(self) -> float:
        """The lowest rating kept, as it is read."""
        at_least = FORMS[self.form].at_least if self.at_least is None else self.at_least
        return float(ceil(at_least)) if self.reading == "whole" else at_least

    async def sift(
        self, ctx: Context, examples: Sequence[Example]
    ) -> AsyncGenerator[Verdict, None]:
        """One verdict per example, in order; DidactError where the judge is refused."""
        audit = None
        if self.audit is not None:
            source = cast("Source", find("sources", "jsonl")(path=self.audit))
            audit = await self.audited(ctx, list(source.read()))
            self._admit(audit)
        told = _Told()
        async with aclosing(ctx.map(partial(self._rated, ctx), examples)) as results:
            async for rated in results:
                if rated.error is not None and rated.error.fault != "too_long":
                    # Here, so that failures are counted in the order of the examples.
                    ctx.fail(rated.example, rated.error)
                verdict = self._verdict(rated)
                told.hear(rated, verdict.score)
                yield verdict
        ctx.note(
            "statistics",
            **told.to_json(),
            sets=told.sets() if self.form in _CURATION else None,
            form=self.form,
            threshold=self.threshold,
            audit=audit.to_json() if audit else None,
        )

    async def audited(self, ctx: Context, labelled: Sequence[Example]) -> JudgeAudit:
        """What the judge is worth on examples with ``meta["label"]``; nothing is decided."""
        items: list[Rated] = []
        for example in labelled:
            if not isinstance(example.meta.get("label"), int | float):
                raise ConfigError(
                    f"audit: example {example.id} has no number under `label`; the file needs one"
                    " in every row"
                )
        times = [
            (example, time * _AGAIN) for example in labelled for time in range(self.audit_times)
        ]

        async def rate(asked: tuple[Example, int]) -> float | None:
            rated = await self._rated(ctx, asked[0], first=asked[1])
            if rated.error is not None:
                ctx.fail(asked[0], rated.error)
            return self._score(rated.ratings)

        scores: list[float | None] = []
        async with aclosing(ctx.map(rate, times)) as results:
            async for score in results:
                scores.append(score)
        for number, example in enumerate(labelled):
            start = number * self.audit_times
            items.append(
                Rated(
                    label=float(cast("float", example.meta["label"])),
                    scores=tuple(scores[start : start + self.audit_times]),
                    words=count_words(example.output),
                )
            )
        found = audit_judge(items, at_least=self.threshold)
        ctx.note("judge audit", lines=cast("JSON", found.lines()))
        return found

    def _admit(self, audit: JudgeAudit) -> None:
        if audit.agreement is not None and audit.agreement.mean >= self.agreement:
            return
        share = "no labelled example" if audit.agreement is None else f"{audit.agreement.mean:.0%}"
        told = "; ".join(" ".join(line.split()) for line in audit.lines())
        raise DidactError(
            f"judged: role {self.model!r} agrees with {share} of {self.audit}, below the"
            f" {self.agreement:.0%} set as `agreement`, and is not let decide ({told})"
        )

    async def _rated(self, ctx: Context, example: Example, first: int = 0) -> _Rated:
        """Every sample of one example; those that could not be read are not among the ratings."""
        rated = _Rated(example)
        rated.passes = self.seeds == "pass" and example.meta.get("data") == "seed"
        if rated.passes or not answer_of(example):
            return rated
        try:
            for sample in range(self.samples):
                draw = first + sample * (self.retries + 1)
                asked = questions(
                    self.form, example, dimension=self.dimension, aspects=self.aspects
                )
                parts = [await self._answered(ctx, one, draw, rated) for one in asked]
                if (known := [part for part in parts if part is not None]) == parts:
                    rated.ratings.append(fmean(known))
                    if len(parts) > 1:
                        rated.parts.append(dict(zip(self.aspects, known, strict=True)))
        except ModelError as error:
            rated.error = error
        return rated

    async def _answered(
        self, ctx: Context, asked: tuple[Message, ...] | str, draw: int, rated: _Rated
    ) -> float | None:
        """The rating in the first reply that has one; None where none of the tries has."""
        for attempt in range(self.retries + 1):
            warm = max(self.temperature, self.retry_temperature) if attempt else self.temperature
            sampling = Sampling(
                max_tokens=self.max_tokens,
                temperature=warm,
                top_p=self.top_p,
                stop=FORMS[self.form].stop,
            )
            if isinstance(asked, str):
                request = Request(prompt=asked, sampling=sampling, draw=draw + attempt)
            else:
                request = Request(messages=asked, sampling=sampling, draw=draw + attempt)
            reply = await ctx.ask(request, model=self.model)
            rated.said.append(reply.text)
            rated.calls.append(reply.key)
            value = self._read(reply)
            if value is not None:
                return value
            rated.unread.append(_ENDED.get(reply.finish, "no rating"))
        return None

    def _read(self, reply: Reply) -> float | None:
        form, text = FORMS[self.form], reply.text
        if reply.finish != "stop":
            if reply.finish == "refused" or not form.first_line:
                return None
            # Of a reply that was cut, whole lines are what they are.
            text = text.rpartition("\n")[0]
        try:
            return form.read(text, self.mode == "faithful")
        except ParseError:
            return None

    def _score(self, ratings: Sequence[float]) -> float | None:
        if not ratings:
            return None
        return median_low(ratings) if self.reading == "whole" else fmean(ratings)

    def _verdict(self, rated: _Rated) -> Verdict:
        if rated.passes:
            return Verdict(keep=True)
        if not answer_of(rated.example):
            return Verdict(keep=False, reason="no answer to rate")
        evidence: dict[str, JSON] = {"ratings": list(rated.ratings), "calls": list(rated.calls)}
        if rated.said:
            evidence["said"] = rated.said[-1][:_EVIDENCE]
        if rated.parts:
            evidence["aspects"] = [dict(part) for part in rated.parts]
        if rated.unread:
            evidence["unread"] = list(rated.unread)
        if rated.error is not None:
            evidence["error"] = str(rated.error)[:_EVIDENCE]
        score = None if rated.error is not None else self._score(rated.ratings)
        if score is None:
            return Verdict(keep=False, reason="unscored", evidence=evidence)
        evidence["threshold"] = self.threshold
        keep = score >= self.threshold
        reason = "" if keep else "rated too low"
        return Verdict(keep=keep, reason=reason, score=score, evidence=evidence)


@dataclass(slots=True)
class _Rated:
    """What became of an example."""

    example: Example
    ratings: list[float] = field(default_factory=list[float])
    parts: list[dict[str, JSON]] = field(default_factory=list[dict[str, JSON]])
    said: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    unread: list[str] = field(default_factory=list[str])
    error: ModelError | None = None
    passes: bool = False
    """Whether it is kept unasked."""


class _Told:
    """What the judge has said so far, over all examples."""

    def __init__(self) -> None:
        self.rated = self.unscored = self.failed = self.empty = self.asked_again = 0
        self.replies = self.passed = 0
        self.scores: list[tuple[Example, float | None]] = []
        self.values: Counter[float] = Counter()
        self.unread: Counter[str] = Counter()

    def hear(self, rated: _Rated, score: float | None) -> None:
        """Count one example, with the score it has."""
        if rated.passes:
            self.passed += 1
            return
        self.scores.append((rated.example, score))
        self.replies += len(rated.said)
        self.unread.update(rated.unread)
        self.asked_again += bool(rated.unread)
        self.values.update(rated.ratings)
        if not answer_of(rated.example):
            self.empty += 1
        elif rated.error is not None:
            self.failed += 1
        elif rated.ratings:
            self.rated += 1
        else:
            self.unscored += 1

    def to_json(self) -> dict[str, JSON]:
        """Counts of examples, of replies, and of every rating given."""
        return {
            "rated": self.rated,
            "unscored": self.unscored,
            "without_answer": self.empty,
            "without_reply": self.failed,
            "seeds_passed": self.passed,
            "asked_again": self.asked_again,
            "replies": self.replies,
            "unread": dict(self.unread),
            "ratings": {f"{value:g}": count for value, count in sorted(self.values.items())},
        }

    def sets(self) -> JSON:
        """How many and how long the examples are in the paper's sets: A is all of them."""
        found: dict[str, JSON] = {"A": characters(example for example, _ in self.scores)}
        for name, least in (("A_4", 4.0), ("A_5", 4.5)):
            found[name] = characters(
                example for example, score in self.scores if score is not None and score >= least
            )
        return {**found, "paper": PUBLISHED}


_ENDED = {"length": "cut off", "refused": "refused"}
