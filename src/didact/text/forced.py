"""Requests for the probability of a text that exists, and what the replies to them say.

The schema of such a request leaves the reply no choice, so that its log-probabilities are those of
the text: the call log keeps them, and replays them, like any other reply. Models that run in this
process answer them (`scorer` many at a time); one that writes instead is told by its words.
"""

from __future__ import annotations

from collections.abc import Sequence

from didact.errors import ConfigError
from didact.records import JSON, Message, Reply, Request, Sampling

__all__ = ["NUMBERS", "choice", "completion", "embedding", "read_logprobs"]

NUMBERS: dict[str, JSON] = {"type": "array", "items": {"type": "number"}}
"""The schema of a request for a text's vector."""


def completion(prompt: str | Sequence[Message], text: str, *, tokens: int | None = None) -> Request:
    """Asks for the probability of every token of the text behind the prompt, up to so many.

    Behind messages it is that of the text as the model's answer, by the model's own template.
    """
    if tokens is None:
        # No token is shorter than a byte; some tokenizers put one before the first.
        tokens = len(text.encode("utf-8", "replace")) + 1
    sampling = Sampling(max_tokens=tokens)
    if isinstance(prompt, str):
        return Request(prompt=prompt, schema={"const": text}, sampling=sampling)
    return Request(messages=tuple(prompt), schema={"const": text}, sampling=sampling)


def choice(prompt: str, options: Sequence[str]) -> Request:
    """Asks for the probability of each of the options, a token each, to come next."""
    return Request(prompt=prompt, schema={"enum": list(options)}, sampling=Sampling(max_tokens=1))


def embedding(text: str) -> Request:
    """Asks for the model's vector of the text."""
    return Request(prompt=text, schema=NUMBERS, sampling=Sampling(max_tokens=0))


def read_logprobs(reply: Reply, role: str) -> tuple[float, ...]:
    """The log-probabilities in a reply; ConfigError where the model wrote something instead."""
    if reply.logprobs is None or reply.text:
        raise ConfigError(
            f"models.{role}: it gives no log-probabilities of texts that it is shown; put"
            f" `{role}: {{use: scorer, path: ...}}` there"
        )
    return reply.logprobs
