"""Multiple choice by log-likelihood: the option that the model finds likeliest behind the question.

Rank classification as in V. Sanh et al., "Multitask Prompted Training Enables Zero-Shot Task
Generalization" (T0; 2021, arXiv 2110.08207): the log-probabilities of an option's tokens are
summed, and not divided by its length, and the largest sum is the answer. The text that the model
wrote is not looked at. ``choice`` is 100 where the likeliest option is a right one; equal options
share it. ``choice_mass`` is the percentage of the options' probability that the right ones have
(the multiple-true score of TruthfulQA where all right options are listed).

The options are ``meta["options"]``, the right ones those among the item's references. The model
must score texts that it is shown, as every model in this process does: base, trained, `scorer`,
`transformers`; an item without options abstains, and so does a model that writes instead. Ours
differs in that no end token is scored behind an option, and in what is asked: T0 shows the bare
prompt, ours the question by the model's own chat template (``prompt: plain`` is the published way).
Nothing is asked of the model before: where only this scores a suite, no answer is written. Cost:
one scoring per option.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import exp, isfinite
from typing import ClassVar, Literal

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.records import Answer, Message, Score
from didact.text.forced import completion, read_logprobs

__all__ = ["Choice"]

_WRITES = "the model gives no log-probabilities of texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """100 where the option a model finds likeliest is right; the model must score texts."""

    version: ClassVar[str] = "2"
    reads_answers: ClassVar[bool] = False

    prompt: Literal["chat", "plain"] = "chat"
    """`chat`: the question as a tuned model is asked. `plain`: the bare text and a space."""
    normalise: Literal["none", "tokens"] = "none"
    """`tokens` divides the sum by the number of tokens, so that short options gain nothing."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """Two scores per answer."""
        writers: set[str] = set()

        async def sums_of(answer: Answer) -> tuple[Answer, dict[str, float], str]:
            if answer.model in writers:
                return answer, {}, _WRITES
            sums, reason = await self._sums(ctx, answer)
            if reason == _WRITES:
                # It need not be asked again: every call may cost.
                writers.add(answer.model)
            return answer, sums, reason

        # Role by role, so that only one local model need be in memory at a time.
        for role in dict.fromkeys(answer.model for answer in answers):
            own = [answer for answer in answers if answer.model == role]
            async with aclosing(ctx.map(sums_of, own)) as results:
                async for answer, sums, reason in results:
                    for metric, value in _values(sums, set(answer.example.references)).items():
                        yield Score(
                            example_id=answer.example.id,
                            model=answer.model,
                            metric=metric,
                            value=value,
                            reason=reason,
                        )

    async def _sums(self, ctx: Context, answer: Answer) -> tuple[dict[str, float], str]:
        """Option to log-probability; or none, and why."""
        stated = answer.example.meta.get("options")
        options = list(dict.fromkeys(map(str, stated))) if isinstance(stated, list) else []
        if len(options) < 2:
            return {}, "no options"
        if not set(options).intersection(answer.example.references):
            return {}, "no option is right"
        turns, space = answer.before or answer.example.prompt, ""
        asked: str | Sequence[Message] = turns
        if self.prompt == "plain":
            # The space belongs to the option: so tokenizers write words.
            asked, space = "\n\n".join(turn.content for turn in turns).rstrip(), " "
        sums: dict[str, float] = {}
        for option in options:
            try:
                reply = await ctx.ask(completion(asked, space + option), model=answer.model)
                logprobs = read_logprobs(reply, answer.model)
            except ConfigError:
                return {}, _WRITES
            except ModelError as error:
                ctx.fail(answer.example, error)
                return {}, "no reply"
            if reply.finish == "length" or not logprobs or not all(map(isfinite, logprobs)):
                return {}, "an option was not scored whole"
            sums[option] = sum(logprobs) / (len(logprobs) if self.normalise == "tokens" else 1)
        return sums, ""


def _values(sums: dict[str, float], right: set[str]) -> dict[str, float | None]:
    """Metric to value, None where nothing was scored."""
    if not sums:
        return {"choice": None, "choice_mass": None}
    most = max(sums.values())
    best = [option for option, value in sums.items() if value == most]
    mass = {option: exp(value - most) for option, value in sums.items()}
    told = sum(part for option, part in mass.items() if option in right)
    return {
        "choice": 100 * len(right.intersection(best)) / len(best),
        "choice_mass": 100 * told / sum(mass.values()),
    }
