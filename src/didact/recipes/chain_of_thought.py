"""Chain of thought: the target gives reasons, and then the answer.

Scaling Instruction-Finetuned Language Models (Chung et al. 2022, arXiv 2210.11416) found that
tuning without such data makes reasoning worse and that nine sets of it restore it. In the Flan
Collection (Longpre et al. 2023, arXiv 2301.13688) they are 5 % of the mixture, ``share: 0.05`` in a
run file, and data that is turned around is mixed in at 0.3 to 1: from reasons and answer, write the
question.

Rows have a question, an answer and a rationale, as the collection's tables do, or a worked solution
that ends in ``####`` and the answer, as GSM8K's; seeds have their rationale in ``meta``. Where
there is none, a teacher is asked to reason, as often as `attempts` says, and the first reply is
kept whose final answer is the right one (as in STaR, Zelikman et al. 2022, arXiv 2203.14465, there
with several rounds of training and a hint on failure).

How ours differs: templates and prompt are in our words; a row's template is drawn by its content.
Cost: none for rows with a rationale; for others 1 to `attempts` calls, kept or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import ClassVar, NamedTuple

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.formats.containers import BadRow, rows_of
from didact.labelled.answers import Solution, final_answer, same_answer, worked_solution
from didact.labelled.patterns import Pattern, fill, read_patterns, shapes
from didact.labelled.shots import FewShotForm, fitting
from didact.labelled.tk_instruct import about_tokens
from didact.records import JSON, Example, Message, Origin, Request, Sampling, digest
from didact.stats.instruction_data import unheard

__all__ = ["ChainOfThought"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOfThought:
    """Questions answered with reasons: from data, or a teacher's where its answer is right."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "Scaling Instruction-Finetuned Language Models, 2022, arXiv 2210.11416;"
        " The Flan Collection, 2023, arXiv 2301.13688"
    )
    calls_per_example: ClassVar[str] = "0 with a rationale, else 1 to attempts"

    data: Path | None = None
    """Rows: JSON Lines, JSON, CSV, Parquet, or a .tsv of question, answer, rationale without a
    header; without it, the seeds."""
    question: str = "question"
    """The column of the question."""
    answer: str = "answer"
    """The column of the answer, or of a worked solution that ends in `####` and the answer."""
    rationale: str = "rationale"
    """The column of the reasons; a row may lack it. Of seeds: the key in `meta`."""
    licence: str = ""
    """Whose terms the data is under, for `meta`."""
    most_rows: int = 100_000
    """The most rows that are used, from the first."""
    templates: Path | None = None
    """A file of templates of one's own, a list of [input, target] over question, rationale (or
    chain_of_thought) and answer; under `straight` and `turned`, those of inversion too."""

    model: str | None = "teacher"
    """Who is asked for reasons where there are none; null: such rows are refused."""
    attempts: int = 4
    """Replies to one question until one has the right answer."""
    temperature: float = 0.7
    """Of the replies."""
    top_p: float = 1.0
    """Of the replies."""
    max_tokens: int = 512
    """Of a reply; one that is cut off is never kept."""

    inversion: float = 0.0
    """How often a row also makes an example that is turned around; 0.3 in the collection."""
    few_shot: float = 0.0
    """How many of the prompts show exemplars; 0.5 in the collection."""
    shots: int = 5
    """Exemplars in such a prompt, from the rows whose rationale is in the data."""
    max_input: int = 960
    """Tokens of exemplars and question together, at four bytes a token; exemplars beyond go."""

    def __post_init__(self) -> None:
        for name in ("attempts", "most_rows", "shots", "max_input"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1")
        for name in ("inversion", "few_shot"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a part of the examples, from 0 to 1")

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Rows that lack a rationale are counted; each is asked until an answer is right."""
        rows = self._file_rows(_Told()) if self.data else self._seed_rows(seeds, _Told())
        asked = dict.fromkeys(row.question for row in rows if not row.solution.rationale)
        if self.model is None or not asked:
            return Estimate(steps=())
        calls = Span(len(asked), len(asked) * self.attempts)
        prompt = text_tokens([_PROMPT.format(question=question) for question in asked])
        return Estimate.of(("reasons", self.model, calls, prompt, self.max_tokens))

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in the order of the rows, each followed by its turned one."""
        made: set[str] = set()
        heard = 0
        told = _Told()
        rows = self._file_rows(told) if self.data else self._seed_rows(seeds, told)
        if not rows:
            raise ConfigError("chain-of-thought: there are no rows; set `data`, or give seeds")
        straight, turned = self._patterns()
        given = [row for row in rows if row.solution.rationale]
        try:
            async with aclosing(ctx.map(partial(self._reasoned, ctx, told), rows)) as results:
                async for row, calls in results:
                    heard += 1
                    if not row.solution.rationale:
                        told.refused["no right answer" if self.model else "no rationale"] += 1
                        continue
                    rng = ctx.rng("row", row.id)
                    pattern = rng.choice(straight)
                    examples = [self._straight(row, calls, pattern, given, rng)]
                    if rng.random() < self.inversion:
                        examples.append(self._example(row, calls, rng.choice(turned), turned=True))
                    for example in examples:
                        again = example.id in made
                        if example is examples[0]:
                            told.straight += not again
                            told.refused["exact duplicate"] += again
                        else:
                            told.turned += not again
                        if not again:
                            made.add(example.id)
                            yield example
        finally:
            told.refused.update(unheard(len(rows), heard=heard, failed=len(ctx.failures)))
            ctx.note("statistics", **told.to_json())

    def _file_rows(self, told: _Told) -> list[_Row]:
        assert self.data is not None
        rows: list[_Row] = []
        header = (self.question, self.answer, self.rationale)
        table = ".tsv" in self.data.suffixes
        for line, data in rows_of(self.data, columns=header if table else None):
            if isinstance(data, BadRow):
                raise ConfigError(f"{self.data}, line {line}: {data.message}")
            told.rows += 1
            for name in (self.question, self.answer):
                if name not in data:
                    raise ConfigError(
                        f"{self.data}, line {line}: no column {name!r}; there are"
                        f" {', '.join(data)}. If another is meant, set `question` or `answer`"
                    )
            texts = [_text(data.get(name)) for name in header]
            if table:
                texts = [text.replace("\\n", "\n") for text in texts]
            self._add(rows, self._row(texts, digest(data), ()), told)
        return rows

    def _seed_rows(self, seeds: Sequence[Example], told: _Told) -> list[_Row]:
        rows: list[_Row] = []
        for seed in seeds:
            told.rows += 1
            question = f"{seed.instruction}\n{seed.input}" if seed.input else seed.instruction
            texts = [question, seed.output, _text(seed.meta.get(self.rationale))]
            self._add(rows, self._row(texts, seed.id, (seed.id,)), told)
        return rows

    def _add(self, rows: list[_Row], row: _Row | None, told: _Told) -> None:
        """Take a row, or count why not."""
        if row is None:
            told.refused["no question or answer"] += 1
        elif len(rows) == self.most_rows:
            told.refused["over the cap"] += 1
        else:
            rows.append(row)

    def _row(self, texts: Sequence[str], row_id: str, parents: tuple[str, ...]) -> _Row | None:
        question, answer, rationale = (text.strip() for text in texts)
        if not question or not answer:
            return None
        solution = Solution(rationale, answer)
        if not rationale:
            solution = worked_solution(answer) or solution
        return _Row(row_id, question, solution, parents)

    def _patterns(self) -> tuple[Sequence[Pattern], Sequence[Pattern]]:
        own = shapes("reasoning")
        if self.templates is None:
            return own["straight"], own["turned"]
        straight = read_patterns(self.templates, "straight")
        if not self.inversion:
            return straight, own["turned"]
        return straight, read_patterns(self.templates, "turned")

    async def _reasoned(self, ctx: Context, told: _Told, row: _Row) -> tuple[_Row, tuple[str, ...]]:
        """The row with a rationale: its own, or the first of the teacher's that is right."""
        if row.solution.rationale or self.model is None:
            return row, ()
        for draw in range(self.attempts):
            reply = await ctx.ask(self._request(row.question, draw), model=self.model)
            found = final_answer(reply.text) if reply.finish == "stop" else None
            if reply.finish != "stop":
                told.replies[f"reply not complete ({reply.finish})"] += 1
            elif found is None:
                told.replies["no final answer"] += 1
            elif not found.rationale:
                told.replies["no reasons"] += 1
            elif not same_answer(found.answer, row.solution.answer):
                told.replies["wrong answer"] += 1
            else:
                told.replies["right"] += 1
                solution = Solution(found.rationale, row.solution.answer)
                return row._replace(solution=solution), (reply.key,)
        return row, ()

    def _request(self, question: str, draw: int) -> Request:
        sampling = Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p
        )
        # Greedy replies are all alike, but a server's need not be: number them all the same.
        text = _PROMPT.format(question=question)
        return Request(messages=(Message("user", text),), sampling=sampling, draw=draw)

    def _straight(
        self,
        row: _Row,
        calls: tuple[str, ...],
        pattern: Pattern,
        given: Sequence[_Row],
        rng: Random,
    ) -> Example:
        few = rng.random() < self.few_shot
        drawn = rng.sample(given, min(self.shots + 1, len(given))) if few else []
        others = [other for other in drawn if other.id != row.id][: self.shots]
        pairs = [_filled(pattern, other) for other in others]
        question, _ = _filled(pattern, row)
        room = self.max_input - about_tokens(question)
        fits = fitting([about_tokens(a) + about_tokens(b) for a, b in pairs], room=room)
        shown, parents = pairs[:fits], tuple(p for other in others[:fits] for p in other.parents)
        return self._example(row, calls, pattern, shown=shown, parents=parents)

    def _example(
        self,
        row: _Row,
        calls: tuple[str, ...],
        pattern: Pattern,
        *,
        turned: bool = False,
        shown: Sequence[tuple[str, str]] = (),
        parents: tuple[str, ...] = (),
    ) -> Example:
        question, target = _filled(pattern, row)
        meta: dict[str, JSON] = {
            "rationale": row.solution.rationale,
            "answer": row.solution.answer,
            "elicited": bool(calls),
            "template": pattern.number,
            "turned": turned,
            "shots": len(shown),
        }
        if self.licence:
            meta["licence"] = self.licence
        origin = Origin(
            recipe="chain-of-thought",
            version=self.version,
            parents=tuple(dict.fromkeys((*row.parents, *parents))),
            calls=calls,
        )
        prompt = FewShotForm().write(shown, question)
        return Example(
            messages=(Message("user", prompt), Message("assistant", target)),
            meta=meta,
            origin=origin,
        )


class _Row(NamedTuple):
    id: str
    question: str
    solution: Solution
    parents: tuple[str, ...]


class _Told:
    """What came of the rows and of the replies."""

    def __init__(self) -> None:
        self.rows = self.straight = self.turned = 0
        self.refused: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()

    def to_json(self) -> dict[str, JSON]:
        return {
            "rows": self.rows,
            "examples": self.straight,
            "turned": self.turned,
            "refused": {**+self.refused},
            "replies": dict(sorted(self.replies.items())),
        }


def _filled(pattern: Pattern, row: _Row) -> tuple[str, str]:
    values: dict[str, JSON] = {
        "question": row.question,
        "rationale": row.solution.rationale,
        "chain_of_thought": row.solution.rationale,
        "answer": row.solution.answer,
    }
    return fill(pattern.input, values), fill(pattern.target, values)


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


_PROMPT = """\
{question}

Work it out step by step and write down every step. Then end with one more line, which holds the \
answer and nothing else, in this form:
Answer: (the answer)"""
