"""Preferences of a judge for a model over a reference, as AlpacaEval asks for them.

X. Li et al., "AlpacaEval" (2023; code tatsu-lab/alpaca_eval). ``ranking``, version 1: the request
and both outputs as Python dictionaries, a list of two ranks as the reply, one order that follows
from the texts. ``weighted``, version 2: one token names the better output, and its probability is
the preference, so that it is not all or nothing. Ours differs: both orders by default; a reference
may be another model of the run; and as replies here hold the probability of the token that was
written and of no other, the other identifier gets the rest of 1, which is exact but for what the
judge would have spent on third tokens (published: the two shares of what both have together).

Cost: two calls per answer, or one with ``orders="one"``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log1p
from typing import Literal, TypeAlias

from didact.context import Context
from didact.errors import ConfigError
from didact.estimate import Estimate, Span
from didact.judges.asking import asked_of, chat, text_reader
from didact.judges.duels import REFERENCE, Duel, Fought, Orders, Tally, fight, pair_up
from didact.judges.estimating import estimate_of_duels
from didact.records import Answer, Example, Reply, Request, Sampling
from didact.stats.win_rates import weighted_preference
from didact.text.judge_marks import Side, read_ranking

__all__ = ["Preferences", "Protocol"]

Protocol: TypeAlias = Literal["ranking", "weighted"]

_VALUE: dict[Side, float] = {"first": 1.0, "second": 0.0, "tie": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """How preferences are asked for."""

    judge: str
    against: str
    protocol: Protocol
    orders: Orders

    async def ask(self, ctx: Context, answers: Sequence[Answer], tally: Tally) -> list[Fought]:
        """A duel of every answer with its reference, and what came of it."""
        if self.protocol == "weighted" and "logprobs" not in ctx.capabilities(self.judge):
            raise ConfigError(
                f"models.{self.judge}: the protocol 'weighted' needs the probability of a token;"
                " set `logprobs: true` where the server gives it, or `protocol: ranking`"
            )
        prompting, read = self._form()
        return await fight(
            ctx,
            self.judge,
            self.duels(answers),
            prompting=prompting,
            read=read,
            orders=self.orders,
            rule="mean",
            tally=tally,
        )

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked at most, with so many tokens to an answer."""
        return estimate_of_duels(
            self.judge,
            items,
            models,
            answer,
            against=self.against or REFERENCE,
            prompting=self._form()[0],
            name="preferences",
            orders=2 if self.orders == "both" else 1,
        )

    def duels(self, answers: Sequence[Answer]) -> list[Duel]:
        """The model as ``a``, its reference as ``b``."""
        return pair_up(answers, self.against or REFERENCE)

    def _form(
        self,
    ) -> tuple[Callable[[Example, str, str], Request], Callable[[Reply], float | None]]:
        if self.protocol == "weighted":
            return _identifier_prompt, _read_identifier
        return _ranking_prompt, text_reader(_read_ranking)


def _ranking_prompt(example: Example, first: str, second: str) -> Request:
    asked = {"instruction": asked_of(example)}
    one = {"model": "model_1", "answer": first}
    two = {"model": "model_2", "answer": second}
    prompt = _RANKING.format(asked=asked, first=one, second=two)
    return chat(prompt, Sampling(max_tokens=100))


def _identifier_prompt(example: Example, first: str, second: str) -> Request:
    prompt = _IDENTIFIER.format(asked=asked_of(example), first=first, second=second)
    return chat(prompt, Sampling(max_tokens=1, temperature=1.0))


def _read_ranking(reply: str) -> float | None:
    side = read_ranking(reply)
    return None if side is None else _VALUE[side]


def _read_identifier(reply: Reply) -> float | None:
    """The preference for the output shown first, from the one token written."""
    said = reply.text.strip()
    if said not in ("m", "M") or not reply.logprobs:
        return None
    # A server may write a probability of 1 as a hair more.
    written = min(reply.logprobs[0], 0.0)
    other = log1p(-exp(written)) if exp(written) < 1 else None
    first, second = (written, other) if said == "m" else (other, written)
    preference = weighted_preference(first, second)
    return None if preference is None else 2 - preference


_RANKING = """\
Rank two models by how much people would like what they wrote. This is what both were asked:

{asked}

And this is what they wrote:

[
    {first},
    {second}
]

Put the better one at rank 1 and the other at rank 2, as most people would, whatever the order in \
which they are shown. Reply with a Python list of two dictionaries and nothing else, no words \
around it, in this form:

[
    {{'model': <name>, 'rank': <rank>}},
    {{'model': <name>, 'rank': <rank>}}
]"""

_IDENTIFIER = """\
You compare two outputs for the same request and name the one that people would prefer: the better \
and more exact answer.

[Request]
{asked}

[Output of model m]
{first}
[End of the output of model m]

[Output of model M]
{second}
[End of the output of model M]

Reply with one character and nothing else, no quotation marks: m if the output of model m is the \
better one, M if that of model M is."""
