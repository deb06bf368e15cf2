"""The nouns that travel through a run: small frozen values, their content ids, to and from JSON.

Messages are the truth of an example; ``instruction``, ``input`` and ``output`` are views of a
one-turn record. An id is the BLAKE2b-128 of the canonical JSON of the messages, so the same content
has the same id on any machine, exact duplicates collapse by construction, and ratings, verdicts and
scores join on ids and never on positions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeAlias, cast

__all__ = [
    "INPUT_MARK",
    "JSON",
    "Answer",
    "Example",
    "Message",
    "Origin",
    "Reply",
    "Request",
    "Role",
    "Sampling",
    "Score",
    "Usage",
    "Verdict",
    "canonical",
    "digest",
    "operational",
]

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
Role: TypeAlias = Literal["system", "user", "assistant"]

INPUT_MARK = "\n\nInput:\n"
"""Between instruction and input in the user turn of a one-turn record; the first one splits."""


# Made once: json.dumps makes an encoder for every call that sets anything.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: JSON) -> str:
    """The one JSON text of a value: keys sorted, no spaces, Unicode as it is."""
    return _canonical(value)


def digest(value: JSON) -> str:
    """BLAKE2b-128 of the canonical JSON, as 32 hexadecimal digits."""
    # surrogatepass: a model may emit a lone surrogate, and it must still have an id.
    data = canonical(value).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def operational(default: Any) -> Any:  # noqa: ANN401  (typed where it is used)
    """A component's field that changes no result (batch size, URL): left out of its fingerprint."""
    return field(default=default, metadata={"operational": True})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str

    def to_json(self) -> dict[str, JSON]:
        """Role and content, as every chat API writes them."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How an example came to be."""

    recipe: str
    """Name of the recipe or source that made it."""
    version: str = "1"
    """The recipe's own version; a change of prompts or parsing raises it."""
    parents: tuple[str, ...] = ()
    """Ids of the examples shown in the prompts (seeds, demonstrations, the text evolved)."""
    calls: tuple[str, ...] = ()
    """Keys of the model calls, in order, whose replies it was read from."""

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "recipe": self.recipe,
            "version": self.version,
            "parents": list(self.parents),
            "calls": list(self.calls),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Origin:
        """The inverse of ``to_json``."""
        return cls(
            recipe=data["recipe"],
            version=data["version"],
            parents=tuple(data["parents"]),
            calls=tuple(data["calls"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training or test record."""

    messages: tuple[Message, ...]
    meta: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """Plain JSON a recipe wants to keep. Keys that mean the same everywhere: ``references``, more
    right answers of a test item; ``rejected``, worse answers of a preference pair, a list of texts
    that stand for the last assistant turn, or of whole conversations (lists of messages) where more
    differs; ``licence`` and ``generator``, whose terms the text is under and who wrote it."""
    origin: Origin
    _id: str = field(init=False, repr=False, compare=False, default="")

    @property
    def id(self) -> str:
        """The hash of the messages; computed when first asked for, readers seldom need it."""
        if not self._id:
            content = cast("JSON", [message.to_json() for message in self.messages])
            object.__setattr__(self, "_id", digest(content))
        return self._id

    @classmethod
    def single(
        cls,
        instruction: str,
        output: str,
        *,
        input: str = "",
        origin: Origin,
        meta: Mapping[str, JSON] | None = None,
    ) -> Example:
        """A one-turn record: instruction, optional input, output."""
        prompt = f"{instruction}{INPUT_MARK}{input}" if input else instruction
        messages = (Message("user", prompt), Message("assistant", output))
        return cls(messages=messages, origin=origin, meta=dict(meta or {}))

    @property
    def instruction(self) -> str:
        """The first user turn up to the input mark; "" when there is no user turn."""
        return self._first_user().partition(INPUT_MARK)[0]

    @property
    def input(self) -> str:
        """The first user turn after the input mark; "" when there is no input."""
        return self._first_user().partition(INPUT_MARK)[2]

    @property
    def output(self) -> str:
        """The last assistant turn; "" when there is none."""
        turns = [message.content for message in self.messages if message.role == "assistant"]
        return turns[-1] if turns else ""

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The messages a model is asked to answer: everything before the last assistant turn.

        Of a test item, where a user turn follows another, the model's own answer comes between.
        """
        if self.messages and self.messages[-1].role == "assistant":
            return self.messages[:-1]
        return self.messages

    @property
    def answers_asked(self) -> int:
        """How many answers a model gives where it is a test item: the last, and those between."""
        roles = [message.role for message in self.prompt]
        return 1 + sum(a == b == "user" for a, b in pairwise(roles))

    @property
    def references(self) -> tuple[str, ...]:
        """Every right answer known: the output, then ``meta["references"]``, each once."""
        extra = cast("list[str]", self.meta.get("references") or [])
        return tuple(dict.fromkeys([self.output, *extra]))

    @property
    def rejected(self) -> tuple[tuple[Message, ...], ...]:
        """The worse conversations of a preference pair, best first; none where it is no pair."""
        found: list[tuple[Message, ...]] = []
        for worse in cast("list[str | list[dict[str, Any]]]", self.meta.get("rejected") or []):
            if isinstance(worse, str):
                found.append((*self.prompt, Message("assistant", worse)))
            else:
                found.append(tuple(Message(m["role"], m["content"]) for m in worse))
        return tuple(found)

    def _first_user(self) -> str:
        return next((m.content for m in self.messages if m.role == "user"), "")

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON: id, messages, meta, origin."""
        return {
            "id": self.id,
            "messages": [message.to_json() for message in self.messages],
            "meta": dict(self.meta),
            "origin": self.origin.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Example:
        """The inverse of ``to_json``; the id is computed again, never trusted."""
        return cls(
            messages=tuple(Message(m["role"], m["content"]) for m in data["messages"]),
            meta=data["meta"],
            origin=Origin.from_json(data["origin"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one filter says of one example. Nothing is ever deleted: a drop is a verdict."""

    keep: bool
    reason: str = ""
    """Short and countable, for example ``too similar``; required on a drop."""
    score: float | None = None
    evidence: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """What the decision rests on: nearest neighbour and its id, matched span, threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one model answered to one test item."""

    example: Example
    model: str
    """The role asked: ``base``, ``trained``, or a name under ``models:``."""
    text: str
    call: str
    """Key of the call in the call log."""
    before: tuple[Message, ...] = ()
    """What was asked with the model's own earlier answers in it, where an item has several turns;
    else empty, and the prompt of the item was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number about one answer; ``value`` is None where the evaluator abstains."""

    example_id: str
    model: str
    metric: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a reply is drawn. The defaults are greedy decoding."""

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON, every field."""
        return {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "stop": list(self.stop),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked: messages (chat) or prompt (plain continuation), never both."""

    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    schema: Mapping[str, JSON] | None = None
    """JSON schema of the reply, for servers that can enforce one."""
    draw: int = 0
    """Numbers repeated identical requests: sampling twice gives two replies, and replays."""
    seed: int = 0
    """The run's seed, filled in by ``ctx.ask``; part of the key only where sampling is random."""

    def __post_init__(self) -> None:
        if bool(self.messages) == (self.prompt is not None):
            raise ValueError("a request has either messages or a prompt")

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON of everything that decides the reply; hashed into the key of the call."""
        return {
            "messages": [message.to_json() for message in self.messages],
            "prompt": self.prompt,
            "sampling": self.sampling.to_json(),
            "schema": dict(self.schema) if self.schema is not None else None,
            "draw": self.draw,
            "seed": self.seed if self.sampling.temperature > 0 else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, as the model counts them."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered. Anything but ``finish == "stop"`` is not a complete reply."""

    text: str
    finish: Literal["stop", "length", "refused"] = "stop"
    usage: Usage = Usage()
    logprobs: tuple[float, ...] | None = None
    model: str = ""
    """The server's own name for what answered."""
    key: str = ""
    """The call's key in the call log, filled in by ``ctx.ask``."""

    @property
    def ended(self) -> str:
        """How an incomplete reply ended, as it is counted; "" of a complete one."""
        return {"stop": "", "length": "cut off", "refused": "refused"}[self.finish]
