"""Reanswer: an instruction set goes to a stronger teacher, to several, or into another language.

Instruction Tuning with GPT-4 (Peng et al. 2023, arXiv 2304.03277): the 52,000 instructions of
Alpaca, answered by GPT-4. Three arms, one by one or together:

- the answer of `model` takes the place of the old one; `meta` keeps the old one beside it, with the
  differences and their ROUGE-L;
- `pairs`: `model`, its `rivals` and the old answer compete. A judge scores them all from 1 to 10;
  every answer that beats another becomes an example, and those it beats are `meta["rejected"]`,
  best first: comparison data for a reward model or DPO;
- `language`: the instructions are translated first, and answered in that language.

How ours differs, in both modes: the prompts are in our words; an answer cut at the token limit is
dropped; the same text from two competitors is judged once. *Faithful* asks the judge once, with the
answers in the order of the roles, and reads its scores as the published code does (see
`didact.text.score_lines`). *Corrected* asks twice, with the answers in a random order and in the
reverse of it, and takes the mean: a judge that favours a place favours no one.

Cost: one call an instruction; with pairs one for each teacher and two for the judge; one or two
more to translate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span, text_tokens
from didact.records import JSON, Example, Message, Origin, Request, Sampling
from didact.stats.by_length import side_by_side
from didact.stats.instruction_data import describe_instructions, unheard
from didact.text.chat import render
from didact.text.differences import differences
from didact.text.rouge import rouge_l_words
from didact.text.score_lines import parse_scores, rank, scoring_prompt
from didact.text.translation import answering_in, pieces, put_together, translation_prompt
from didact.text.words import all_words, count_words

__all__ = ["Reanswer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reanswer:
    """An instruction set answered again, compared between teachers, or translated (GPT-4-LLM)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Instruction tuning with GPT-4 (2023), arXiv 2304.03277"
    calls_per_example: ClassVar[str] = "1; with pairs 1 a teacher and 2 to judge; 1-2 to translate"

    model: str = "teacher"
    """The role that answers."""
    pairs: bool = False
    """Whether answers compete and better and worse ones are paired."""
    rivals: tuple[str, ...] = ()
    """Further roles whose answers compete."""
    old_competes: bool = True
    """Whether the answer that a seed has competes as well."""
    judge: str = "teacher"
    """The role that scores the answers of a pair."""
    language: str = ""
    """The language to translate instructions into, as one says it in English; "" for none."""
    translator: str = "teacher"
    """The role that translates."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` asks the judge once, and reads scores as the published code does."""
    template: Literal["alpaca", "plain"] = "alpaca"
    """How a teacher is asked: with Alpaca's sections in one message, or with the messages as they
    are."""

    temperature: float = 1.0
    """Of the answers; all else is decoded greedily."""
    top_p: float = 1.0
    """Of the answers."""
    max_tokens: int = 512
    """Of an answer; what is longer is dropped as cut off."""
    judge_max_tokens: int = 1024
    """Of what the judge says."""
    translation_max_tokens: int = 1024
    """Of a translated text."""

    def __post_init__(self) -> None:
        if self.rivals and not self.pairs:
            raise ConfigError("rivals compete only with `pairs: true`")
        names = (self.model, *self.rivals)
        if len(set(names)) != len(names) or _OLD in names:
            raise ConfigError(f"model and rivals must be different roles, none of them {_OLD!r}")
        if self.pairs and not self.rivals and not (self.old_competes and not self.language):
            raise ConfigError(
                "pairs: one answer has nothing to be compared with; name `rivals`, or let the old"
                " answer compete (one in another language cannot)"
            )

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What the models must be able to do, by the field that names the role."""
        fields = ["model", *["judge"] * self.pairs, *["translator"] * bool(self.language)]
        return dict.fromkeys(fields, frozenset({"chat"}))

    @property
    def _teachers(self) -> tuple[str, ...]:
        return (self.model, *self.rivals) if self.pairs else (self.model,)

    def estimate(self, seeds: Sequence[Example]) -> Estimate:
        """Every instruction to every teacher; its translation before, the judge after."""
        asked = [seed.prompt for seed in seeds if _asks(seed)]
        texts = text_tokens(["".join(turn.content for turn in prompt) for prompt in asked])
        rows: list[tuple[str, str, Span, Span, int]] = []
        if self.language:
            said = [
                [piece for turn in prompt for piece in pieces(turn.content) if piece.strip()]
                for prompt in asked
            ]
            # The same text is translated once.
            first, every = {one[0] for one in said}, {piece for one in said for piece in one}
            around = text_tokens([translation_prompt(self.language, "")])
            calls, prompt = Span(len(first), len(every)), around.plus(text_tokens(sorted(every)))
            most = self.translation_max_tokens
            rows.append(("translations", self.translator, calls, prompt, most))
        count = len(asked)
        number = Span(0 if self.language else count, count)
        prompt = texts.plus(text_tokens([render((), add_generation_prompt=True)]))
        rows += [(f"answers of {r}", r, number, prompt, self.max_tokens) for r in self._teachers]
        if self.pairs:
            rivals = len(self._teachers) + (self.old_competes and not self.language)
            answers = Span(1, self.max_tokens).times(Span(min(rivals, 2), rivals))
            prompt = texts.plus(answers).plus(text_tokens([scoring_prompt("", [""] * rivals)]))
            calls = Span(0, count * (1 if self.mode == "faithful" else 2))
            rows.append(("scores", self.judge, calls, prompt, self.judge_max_tokens))
        return Estimate.of(*rows)

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in the order of the seeds; of one seed the best answer first."""
        if not seeds:
            raise ConfigError("reanswer: nothing to answer; set `seeds` to a file or a run")
        if self.pairs and (missing := set(self.rivals) - ctx.model_names):
            raise ConfigError(f"rivals: no role {', '.join(sorted(missing))} under models:")
        made = _Made(seeds=len(seeds))
        repeated: Counter[tuple[Message, ...]] = Counter()
        questions: list[_Question] = []
        for seed in seeds:
            questions.append(_Question(seed, repeated[seed.prompt]))
            repeated[seed.prompt] += 1
        try:
            async with aclosing(ctx.map(partial(self._answered, ctx), questions)) as results:
                async for found in results:
                    made.heard += 1
                    examples = self._pairs(made, found) if self.pairs else self._single(made, found)
                    fresh = [example for example in examples if example.id not in made.examples]
                    made.take(fresh, found.lost if self.pairs else ())
                    if not fresh:
                        made.drop(ctx, found.seed, _reason(found, bool(examples)))
                    for example in fresh:
                        yield example
                    ctx.note("answers", done=made.heard, of=len(seeds), examples=len(made.examples))
        finally:
            made.failed = len(ctx.failures)
            ctx.note("funnel", **made.funnel())
            ctx.note("statistics", **made.table(), paper=dict(_PUBLISHED))

    async def _answered(self, ctx: Context, question: _Question) -> _Found:
        """The question in its language, every teacher's answer, and the judge's scores."""
        found = _Found(question.seed, [], [], [])
        prompt = await self._translated(ctx, question.seed, found)
        if not prompt:
            return found
        for role in self._teachers:
            reply = await ctx.ask(self._request(prompt, question.draw), model=role)
            text = reply.text.strip()
            if reply.finish == "stop" and text:
                found.answers.append(_Answer(role, text))
                found.calls.append(reply.key)
            else:
                found.lost.append(f"answer {reply.ended or 'empty'}")
        old = question.seed.output.strip()
        if self.pairs and self.old_competes and not self.language and old:
            found.answers.append(_Answer(_OLD, old))
        scores = await self._scores(ctx, prompt, found) if self.pairs else None
        return found._replace(prompt=prompt, scores=scores)

    async def _translated(
        self, ctx: Context, seed: Example, found: _Found
    ) -> tuple[Message, ...] | None:
        """What is asked; translated piece by piece where there is a language."""
        if not _asks(seed):
            found.lost.append("no instruction")
            return None
        if not self.language:
            return seed.prompt
        turns: list[Message] = []
        for turn in seed.prompt:
            said: list[str] = []
            for piece in pieces(turn.content):
                if not piece.strip():
                    said.append(piece)
                    continue
                text = translation_prompt(self.language, piece)
                sampling = Sampling(max_tokens=self.translation_max_tokens)
                request = Request(messages=(Message("user", text),), sampling=sampling)
                reply = await ctx.ask(request, model=self.translator)
                if reply.finish != "stop" or not reply.text.strip():
                    ended = reply.ended or "empty"
                    found.lost.append(f"translation {ended}")
                    return None
                found.calls.append(reply.key)
                said.append(reply.text.strip())
            turns.append(Message(turn.role, put_together(said)))
        return tuple(turns)

    def _request(self, prompt: tuple[Message, ...], draw: int) -> Request:
        sampling = Sampling(
            max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p
        )
        if self.template == "alpaca":
            if self.language and prompt[0].role != "system":
                prompt = (Message("system", answering_in(self.language)), *prompt)
            prompt = (Message("user", render(prompt, add_generation_prompt=True)),)
        return Request(messages=prompt, sampling=sampling, draw=draw)

    async def _scores(
        self, ctx: Context, prompt: tuple[Message, ...], found: _Found
    ) -> dict[str, float] | None:
        """A score for every different answer; None where the judge is not understood."""
        texts = list(dict.fromkeys(answer.text for answer in found.answers))
        if len(texts) < 2:
            return None
        if self.mode == "faithful":
            orders = [texts]
        else:
            ctx.rng("order", found.seed.id).shuffle(texts)
            orders = [texts, texts[::-1]]
        given: dict[str, list[float]] = {text: [] for text in texts}
        for order in orders:
            request = _judging(prompt, order, self.judge_max_tokens)
            reply = await ctx.ask(request, model=self.judge)
            found.calls.append(reply.key)
            said = reply.text if reply.finish != "refused" else ""
            # Of a reply that was cut, whole lines are what they are.
            said = said if reply.finish == "stop" else said.rpartition("\n")[0]
            scores = parse_scores(said, len(order), faithful=self.mode == "faithful")
            if scores is None:
                found.lost.append("scores not understood")
                return None
            for text, score in zip(order, scores, strict=True):
                given[text].append(score)
        return {text: fmean(scores) for text, scores in given.items()}

    def _single(self, made: _Made, found: _Found) -> list[Example]:
        """The new answer, with the old one beside it."""
        if not found.answers:
            return []
        old, new = found.seed.output, found.answers[0].text
        meta: dict[str, JSON] = {"answered_by": self.model}
        if self.language:
            meta |= {"language": self.language, "original": found.seed.instruction}
        elif old:
            similar = rouge_l_words(all_words(new), all_words(old)).f
            pieces: list[JSON] = [[piece.mark, piece.text] for piece in differences(old, new)]
            meta |= {"old_output": old, "rouge_l_with_old": similar, "differences": pieces}
            made.compared.append((count_words(old), count_words(new), similar))
            made.unchanged += old == new
        return [self._example(found, new, meta)]

    def _pairs(self, made: _Made, found: _Found) -> list[Example]:
        """Every answer that beats another, with those it beats."""
        if (scores := found.scores) is None:
            return []
        for answer in found.answers:
            made.scores.setdefault(answer.role, []).append(scores[answer.text])
        examples: list[Example] = []
        for place in rank(found.answers, scores):
            made.pairs += len(place.worse)
            made.ties += place.ties
            if place.worse:
                examples.append(self._example(found, place.text, place.meta))
        return examples

    def _example(self, found: _Found, output: str, meta: Mapping[str, JSON]) -> Example:
        origin = Origin(
            recipe="reanswer",
            version=self.version,
            parents=(found.seed.id,),
            calls=tuple(found.calls),
        )
        kept = {key: value for key, value in found.seed.meta.items() if key not in _STALE}
        messages = (*found.prompt, Message("assistant", output))
        return Example(messages=messages, origin=origin, meta={**kept, **meta})


class _Question(NamedTuple):
    """A seed, and how many before it ask the same."""

    seed: Example
    draw: int

    def __str__(self) -> str:
        return self.seed.id


class _Answer(NamedTuple):
    role: str
    text: str


class _Found(NamedTuple):
    """What became of a seed."""

    seed: Example
    answers: list[_Answer]
    calls: list[str]
    lost: list[str]
    """Why answers, the translation or the scores are none."""
    prompt: tuple[Message, ...] = ()
    scores: Mapping[str, float] | None = None


class _Made:
    """What the seeds have brought so far."""

    def __init__(self, seeds: int) -> None:
        self.seeds = seeds
        self.heard = self.failed = self.accepted = self.unchanged = self.pairs = self.ties = 0
        self.examples: dict[str, Example] = {}
        self.dropped: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.compared: list[tuple[int, int, float]] = []
        self.scores: dict[str, list[float]] = {}

    def take(self, fresh: Sequence[Example], lost: Sequence[str]) -> None:
        """Count what a seed gave."""
        self.accepted += bool(fresh)
        self.lost.update(reason for reason in lost if reason.startswith("answer"))
        self.examples |= {example.id: example for example in fresh}

    def drop(self, ctx: Context, seed: Example, reason: str) -> None:
        """Count and tell of a seed that gave nothing."""
        self.dropped[reason] += 1
        ctx.note("dropped", instruction=seed.instruction, reason=reason)

    def funnel(self) -> dict[str, JSON]:
        """From instructions to those answered; of pairs also single answers that were lost."""
        lost = unheard(self.seeds, heard=self.heard, failed=self.failed)
        return {
            "candidates": self.seeds,
            "accepted": self.accepted,
            "dropped": {**self.dropped, **lost},
            "dropped_instances": dict(self.lost),
        }

    def table(self) -> dict[str, JSON]:
        """The answers, the old beside the new, and the scores of every competitor."""
        made = self.examples.values()
        table: dict[str, JSON] = {
            **describe_instructions(made).to_json(),
            "funnel": self.funnel(),
            "distinct_outputs": len({example.output for example in made}),
        }
        if self.compared:
            table |= {**side_by_side(self.compared), "unchanged": self.unchanged}
        if self.scores:
            # Each tie is met from both of its sides.
            table |= {"pairs": self.pairs, "ties": self.ties // 2}
            table["mean_scores"] = {role: fmean(scores) for role, scores in self.scores.items()}
        return table


def _asks(seed: Example) -> bool:
    return any(turn.role == "user" and turn.content.strip() for turn in seed.prompt)


def _reason(found: _Found, repeats: bool) -> str:
    """Why a seed gave nothing."""
    if repeats:
        return "as another before"
    if found.scores is not None:
        return "all scored alike"
    early = [reason for reason in found.lost if not found.answers or "scores" in reason]
    return early[0] if early else "nothing to compare"


def _judging(prompt: Sequence[Message], answers: Sequence[str], max_tokens: int) -> Request:
    text = scoring_prompt("\n\n".join(turn.content for turn in prompt), answers)
    return Request(messages=(Message("user", text),), sampling=Sampling(max_tokens=max_tokens))


_OLD = "old"
_STALE = frozenset({"references", "rejected", "generator", "most_similar", "avg_similarity_score"})
"""What the seeds' meta says of their old answers, or of how they were found."""
_PUBLISHED: Mapping[str, JSON] = {
    "instructions": 52_002,
    "distinct_outputs": 51_749,
    "scored": {"gpt4": 51_445, "text-davinci-003": 51_183, "opt-iml-1.3b": 51_428},
}
