"""Instruction backtranslation: a model writes the instruction that a text of the web would answer.

Humpback (Li et al. 2023, arXiv 2308.06259), its step of self-augmentation. Documents are cut into
segments under their headings, which are filtered; the backward model, trained by a run of the
recipe `backward`, is asked for one instruction for each, sampled at temperature 0.7 and top-p 0.9.
What comes is every candidate, the set A; the filter `judged` chooses of it, and the ready run
files in ``runs/backtranslation`` are the whole of the method: M_yx, A, M_0, M_1, M_2.

Seeds here are the documents: examples with one answer, as the source `documents` gives them.

How ours differs: a segment that lies in another one that is kept is left out (`nested` keeps both,
as the paper's words may mean), and so is a text that was there before; n and threshold of the rule
against repetition are ours, for the paper gives none; a document of plain text is one segment.
Instructions that are empty or cut off are dropped and counted.

Cost: one call a segment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal, NamedTuple, cast

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Reply, Request, Sampling, digest
from didact.stats.instruction_data import unheard
from didact.stats.mixing import Sample
from didact.text.backtranslation import (
    BACKWARD_INTRODUCTION,
    PUBLISHED,
    backward_messages,
    characters,
)
from didact.text.markdown import looks_like_html
from didact.text.sections import Format, sections
from didact.text.segments import NAVIGATION, SegmentRules, fault_of_segment

__all__ = ["Backtranslation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtranslation:
    """Instructions for texts that nobody asked for, written by a model trained backwards."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Self-Alignment with Instruction Backtranslation, 2023, arXiv 2308.06259"
    calls_per_example: ClassVar[str] = "1 a segment"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"model": frozenset({"chat"})}

    model: str = "backward"
    """The role that writes instructions: trained by a run of the recipe `backward`."""
    introduction: str = BACKWARD_INTRODUCTION
    """The system message that it was trained with."""
    format: Literal["auto", "html", "markdown", "text"] = "auto"
    """Of the documents; auto goes by what their source says, and by tags in the text."""

    shortest: int = 600
    """Fewest characters of a segment; of the open replication, 1000."""
    longest: int = 3000
    """Most characters of a segment; of the open replication, 2200."""
    shortest_line: int = 0
    """Fewest characters of a line that is not empty; of the open replication, 5."""
    repetition: float = 0.5
    """Drop a segment with two sentences that share so much of their n-grams (Jaccard), or more."""
    ngram: int = 3
    """Words of such an n-gram."""
    navigation: tuple[str, ...] = NAVIGATION
    """Drop what stands under a header with one of these in it."""
    nested: bool = False
    """Whether a segment within another one that is kept is kept as well."""
    sample: int | None = None
    """So many segments, drawn by their content; the paper drew 502,000."""

    temperature: float = 0.7
    """Of the instructions."""
    top_p: float = 0.9
    """Of the instructions."""
    max_tokens: int = 512
    """Of an instruction; one that is cut off is dropped."""

    def __post_init__(self) -> None:
        if not 0 < self.shortest <= self.longest:
            raise ConfigError("shortest must be at least 1 and at most longest")
        if not self.repetition > 0 or self.ngram < 1:
            raise ConfigError("repetition must be above 0, and ngram at least 1")
        if self.sample is not None and self.sample < 1:
            raise ConfigError("sample must be at least 1")

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Segments are counted, not guessed."""
        found = self._segments(seeds, _Told(), seed=0)
        calls = Span(len(found), len(found))
        prompt = text_tokens([f"{self.introduction}{segment.text}" for segment in found])
        return Estimate.of(("instructions", self.model, calls, prompt, self.max_tokens))

    def pilot(self) -> Backtranslation:
        """The same for twenty of its segments."""
        return replace(self, sample=min(self.sample or 20, 20))

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """One example for each segment, in the order of the documents."""
        told = _Told()
        found = self._segments(seeds, told, seed=ctx.seed)
        if not found:
            reasons = ", ".join(f"{count} {reason}" for reason, count in told.dropped.most_common())
            raise ConfigError(
                f"backtranslation: no segment in {len(seeds)} documents ({reasons or 'none given'})"
            )
        made: dict[str, Example] = {}
        answered = 0
        try:
            async with aclosing(ctx.map(partial(self._ask, ctx), found)) as results:
                async for segment, reply in results:
                    answered += 1
                    example = self._example(segment, reply)
                    if isinstance(example, str):
                        told.dropped[example] += 1
                        ctx.note("dropped", reason=example, document=segment.document.id)
                        continue
                    made[example.id] = example
                    yield example
                    ctx.note("candidates", kept=len(made), done=answered, of=len(found))
        finally:
            failed = len(ctx.failures)
            told.dropped.update(unheard(len(found), heard=answered, failed=failed))
            funnel = told.funnel(len(made))
            ctx.note("funnel", **funnel)
            table = {**characters(made.values()), "documents": len(seeds), "funnel": funnel}
            ctx.note("statistics", **table, paper=PUBLISHED)

    def _segments(self, documents: Sequence[Example], told: _Told, *, seed: int) -> list[_Segment]:
        """What is to be asked about: filtered, each text once, drawn where there are too many."""
        rules = SegmentRules(
            shortest=self.shortest,
            longest=self.longest,
            shortest_line=self.shortest_line,
            repetition=self.repetition,
            ngram=self.ngram,
            navigation=self.navigation,
        )
        seen: set[str] = set()
        drawn = Sample[_Segment](self.sample, seed=seed) if self.sample is not None else None
        kept: list[_Segment] = []
        for document in documents:
            for segment in self._of_document(document, rules, told):
                key = digest(segment.text)
                if key in seen:
                    told.dropped["exact duplicate"] += 1
                    continue
                seen.add(key)
                if drawn is None:
                    kept.append(segment)
                else:
                    drawn.offer(segment, key)
        if drawn is not None:
            kept = drawn.items()
            told.dropped["not in the sample"] += len(seen) - len(kept)
        return kept

    def _of_document(
        self, document: Example, rules: SegmentRules, told: _Told
    ) -> Iterator[_Segment]:
        try:
            found = sections(document.output, self._format(document))
        except ValueError:
            found = []
        if not found:
            told.without += 1
        told.candidates += len(found)
        covered = 0
        for section in found:
            if section.start < covered and not self.nested:
                told.dropped["within another segment"] += 1
            elif reason := fault_of_segment(section, rules):
                told.dropped[reason] += 1
            else:
                covered = max(covered, section.end)
                yield _Segment(document, section.header, section.text)

    def _format(self, document: Example) -> Format:
        if self.format != "auto":
            return self.format
        stated = document.meta.get("format")
        # A page that its source has made Markdown still says that it was HTML.
        if document.output.lstrip().startswith("<") and looks_like_html(document.output):
            return "html"
        return "text" if stated not in ("html", "markdown") else "markdown"

    async def _ask(self, ctx: Context, segment: _Segment) -> tuple[_Segment, Reply | None]:
        sampling = Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p
        )
        request = Request(
            messages=backward_messages(segment.text, self.introduction), sampling=sampling
        )
        try:
            return segment, await ctx.ask(request, model=self.model)
        except ModelError as error:
            if error.fault == "too_long":
                return segment, None
            raise

    def _example(self, segment: _Segment, reply: Reply | None) -> Example | str:
        """The example of a reply, or why it is none."""
        if reply is None:
            return "longer than the model's context"
        if reply.finish != "stop":
            return f"instruction {'cut off' if reply.finish == 'length' else 'refused'}"
        asked = reply.text.strip()
        if not asked:
            return "no instruction"
        about = segment.document
        meta: dict[str, JSON] = {
            key: about.meta[key]
            for key in ("document", "title", "url", "licence", "generator")
            if key in about.meta
        }
        if segment.header is not None:
            meta["header"] = segment.header
        return Example(
            messages=(Message("user", asked), Message("assistant", segment.text)),
            meta=meta,
            origin=Origin(
                recipe="backtranslation",
                version=self.version,
                parents=(about.id,),
                calls=(reply.key,),
            ),
        )


class _Segment(NamedTuple):
    document: Example
    header: str | None
    text: str

    def __str__(self) -> str:
        """What a failure is told by."""
        return self.text


class _Told:
    """What came of the documents and of the replies."""

    def __init__(self) -> None:
        self.without = 0
        self.candidates = 0
        self.dropped: Counter[str] = Counter()

    def funnel(self, accepted: int) -> dict[str, JSON]:
        """From sections to examples."""
        return {
            "candidates": self.candidates,
            "accepted": accepted,
            "dropped": cast("JSON", dict(+self.dropped)),
            "documents_without_headings": self.without,
        }
