"""Shared conversations: ``{"id", "conversations": [{"from", "value"}, ...]}``.

Vicuna (Chiang et al. 2023) was tuned on 70k conversations of ShareGPT, cleaned and cut by the
scripts of FastChat; the shape became the common one for chat data. Reading is strict about it; what
the rules below leave out (languages, identity, repeats) is counted by reason and ends no reading.

``mode: faithful`` is the published pipeline with its faults: Markdown is always re-made, two words
drop a conversation, at least 16 characters, repeats are dropped, speakers other than human and gpt
drop it too, and the split loses last pairs. ``corrected`` keeps what can be kept: other names of
the two speakers, a system message, every pair that fits. A conversation left with no whole pair is
left out as ``too short`` in both.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, cast

from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.formats.sharegpt_rules import (
    IDENTITY_WORDS,
    Piece,
    Turn,
    clean,
    limited,
    refuses,
    repeats_a_digit,
    restarts_a_list,
    split,
)
from didact.formats.turns import ROLES, named_turns
from didact.records import JSON, Example, Message, Origin, Role, digest
from didact.text.languages import language_of
from didact.text.markdown import chat_markdown, looks_like_html

__all__ = ["Sharegpt"]

_ORIGIN = Origin(recipe="sharegpt")
_TURN_COST = 6
"""Tokens that a turn takes besides its text, as the published split counts."""
_TALK = frozenset({"conversations", "items"})
_ASKS: Mapping[str, Role] = {name: role for name, role in ROLES.items() if role == "user"}
_ANSWERS: Mapping[str, Role] = {name: role for name, role in ROLES.items() if role == "assistant"}
_NAMES: Mapping[str, str] = {"user": "human", "assistant": "gpt", "system": "system"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharegpt:
    """Conversations of several turns between a human and a model."""

    path: Path
    """A JSON array, JSON Lines or Parquet; .gz is decompressed."""
    html: Literal["auto", "always", "never"] = "auto"
    """Which turns are turned from HTML to Markdown: those with tags, all, or none."""
    identity: Literal["keep", "vicuna", "koala"] = "keep"
    """Leave out conversations that name the model or its maker: by the two words of Vicuna's
    pipeline, or by Koala's longer list."""
    refusing: Literal["keep", "drop"] = "keep"
    """Whether a conversation in which an answer begins with a refusal is left out."""
    keep_languages: tuple[str, ...] = ()
    """Only conversations in these languages (ISO 639-1, ``en``); all where empty."""
    skip_languages: tuple[str, ...] = ()
    """No conversations in these languages."""
    distinct: bool = False
    """Leave out an id, or a first question with its answer, that came before."""
    tidy: bool = False
    """Leave out lists that start at 1 again and digits repeated nine times."""
    most_tokens: int = 0
    """Cut longer conversations between pairs of turns; 0 cuts none. A pair that is longer by
    itself is left out and counted."""
    tokenizer: str = ""
    """What counts tokens: a tokenizer's directory or hub name; words where empty."""
    least_characters: int = 0
    """Leave out conversations of fewer characters; 16 in Vicuna's pipeline."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """``faithful`` repeats the published pipeline, its faults included."""
    licence: str = ""
    """Whose terms the data is under; the people who shared ShareGPT's gave none."""
    generator: str = ""
    """Who answered; a row's ``model`` goes before it."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def __post_init__(self) -> None:
        if self.keep_languages and self.skip_languages:
            raise ValueError("keep_languages and skip_languages exclude each other")

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every conversation, or its parts, in the order of the file."""
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(_Pass(self, reading).examples)


@dataclass(slots=True)
class _Pass:
    """One pass over the file: what was seen so far."""

    rules: Sharegpt
    reading: Reading
    seen: set[str] = field(default_factory=set[str])
    plain: bool = field(init=False)
    """Whether no rule looks at a conversation that is in order as it stands."""

    def __post_init__(self) -> None:
        r = self.rules
        picky = (r.identity, r.refusing, r.mode) != ("keep", "keep", "corrected")
        picky = picky or bool(r.keep_languages or r.skip_languages or r.distinct or r.tidy)
        self.plain = not (picky or r.most_tokens or r.least_characters > 1 or r.html == "always")

    def examples(self, data: Data) -> Sequence[Example]:
        rules, reading = self.rules, self.reading
        if self.plain and (messages := _plain(data.get("conversations"))):
            return (Example(messages=messages, meta=self._meta(data), origin=_ORIGIN),)
        faithful = rules.mode == "faithful"
        system, turns = _turns(data, faithful=faithful)
        done = clean(
            turns,
            markdown=partial(_markdown, mode=rules.mode, html=rules.html),
            blocked=IDENTITY_WORDS["vicuna" if faithful else rules.identity],
            least=max(rules.least_characters, 16 if faithful else 1),
        )
        why = done.dropped or self._unwanted(data, done.turns, faithful=faithful)
        if why:
            reading.leave_out(why)
            return ()
        if done.trimmed:
            reading.refusals.trimmed["turns"] += done.trimmed
        meta = self._meta(data)
        roles = ("user", "assistant")
        messages = [Message(roles[n % 2], turn.text) for n, turn in enumerate(done.turns)]
        return [
            Example(
                messages=(*system, *messages[piece.start : piece.end]), meta=about, origin=_ORIGIN
            )
            for piece, about in self._pieces(done.turns, meta)
        ]

    def _meta(self, data: Data) -> dict[str, JSON]:
        meta = provenance(self.rules.licence, self.rules.generator)
        model = data.get("model")
        if isinstance(model, str) and model:
            meta["generator"] = model
        for key, value in data.items():
            if key not in _TALK:
                meta[key] = value
        return meta

    def _unwanted(self, data: Data, turns: Sequence[Turn], *, faithful: bool) -> str:
        rules = self.rules
        if rules.distinct or faithful:
            if data.get("plugins") is not None:
                return "plugins"
            keys = {digest([turns[0].text, turns[1].text])}
            if data.get("id") is not None:
                keys.add(f"id {data['id']}")
            if keys & self.seen:
                return "seen before"
            self.seen |= keys
        texts = [turn.text for turn in turns]
        if rules.refusing == "drop" and any(map(refuses, texts[1::2])):
            return "an answer refuses"
        if rules.keep_languages or rules.skip_languages:
            language = language_of("\n".join(texts))
            wanted = not rules.keep_languages or language in rules.keep_languages
            if not wanted or language in rules.skip_languages:
                return f"language {language}"
        if rules.tidy or faithful:
            if any(map(restarts_a_list, texts)):
                return "a list starts again"
            if rules.tidy and any(map(repeats_a_digit, texts)):
                return "a repeated digit"
        return ""

    def _pieces(
        self, turns: Sequence[Turn], meta: dict[str, JSON]
    ) -> Iterator[tuple[Piece, dict[str, JSON]]]:
        rules = self.rules
        if not rules.most_tokens:
            yield Piece(0, len(turns)), meta
            return
        count = _counter(rules.tokenizer)
        lengths = [count(turn.text) + _TURN_COST for turn in turns]
        pieces, over = split(lengths, rules.most_tokens, mode=rules.mode)
        covered = sum(len(range(*piece)) for piece in pieces)
        if covered < len(turns):
            self.reading.refusals.trimmed["turns that fit no part"] += len(turns) - covered
        if over and not pieces:
            self.reading.leave_out("every pair is too long")
        for piece in pieces:
            if piece.end > piece.start:
                whole = len(pieces) == 1 and covered == len(turns)
                yield piece, meta if whole else {**meta, "from_turn": piece.start}


def _plain(turns: JSON) -> tuple[Message, ...]:
    """The messages of a conversation to which no rule applies; none where one may."""
    if type(turns) is not list or len(turns) % 2:
        return ()
    found: list[Message] = []
    roles = _ASKS
    for turn in turns:
        if type(turn) is not dict:
            return ()
        text = turn.get("value")
        role = roles.get(turn.get("from"))  # pyright: ignore
        if role is None or not is_text(text) or "<" in text or not text[0].isprintable():
            return ()
        if role == "assistant" and text[:1] in "!Tt" and limited(text):
            return ()
        found.append(Message(role, text))
        roles = _ANSWERS if roles is _ASKS else _ASKS
    return tuple(found)


def _turns(data: Data, *, faithful: bool) -> tuple[list[Message], list[Turn]]:
    """The system message, if there is one, and the turns of the two speakers."""
    row = row_of(data)
    key = "conversations" if "conversations" in data or "items" not in data else "items"
    if not faithful:
        messages = named_turns(row, key)
        system = messages[:1] if messages[0].role == "system" else []
        return system, [Turn(_NAMES[m.role], m.content) for m in messages[len(system) :]]
    turns = cast("list[dict[str, Any]]", data.get(key))
    # A conversation without a turn is good data there: it is left out as too short.
    if turns == []:
        return [], []
    return [], [
        Turn(part.text("from", meaning="role"), _said(part.data)) for part in row.parts(key)
    ]


def _said(turn: Mapping[str, JSON]) -> str:
    return row_of(turn).optional_text("value")


def _markdown(text: str, *, mode: Literal["corrected", "faithful"], html: str) -> str:
    if mode == "faithful" or html == "always" or (html == "auto" and looks_like_html(text)):
        return chat_markdown(text, mode)
    return text


@cache
def _counter(tokenizer: str) -> Callable[[str], int]:
    if not tokenizer:
        return lambda text: len(text.split())
    from transformers import AutoTokenizer

    found: Any = AutoTokenizer.from_pretrained(tokenizer)  # pyright: ignore
    return lambda text: len(cast("list[int]", found(text)["input_ids"]))
