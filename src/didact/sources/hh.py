"""Preference pairs: HH-RLHF and the shapes that trainers and providers ask for.

HH-RLHF (Bai et al. 2022, arXiv 2204.05862) writes two transcripts, ``{"chosen", "rejected"}``, with
a blank line and ``Human:`` or ``Assistant:`` before each turn. Further shapes, that may be mixed:

- ``{"prompt", "chosen", "rejected"}`` as texts or lists of messages, and the same without a
  prompt: TRL's;
- ``{"conversations", "chosen": {"from", "value"}, "rejected": {...}}``: in ShareGPT's manner;
- ``{"input": {"messages"}, "preferred_output", "non_preferred_output"}``: OpenAI's;
- ``{"instruction", "input", "chosen", "rejected"}``, in Alpaca's manner;
- ``{"user_input", "completion_a", "completion_b"}``: GPT-4-LLM's comparisons, the better one first.

The example is the chosen conversation. ``meta.rejected`` holds the worse answer: a text where only
the last turn differs, a list of messages where more does (``Example.rejected`` reads both).

Cost: no calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.formats.turns import named_turns
from didact.records import INPUT_MARK, JSON, Example, Message, Origin
from didact.text.rows import Row

__all__ = ["Hh"]

_ORIGIN = Origin(recipe="hh")
_QUESTION, _ANSWER = "\n\nHuman:", "\n\nAssistant:"
_TURN = re.compile(r"\n\n(Human|Assistant):")
_READ = frozenset(
    {"chosen", "rejected", "prompt", "conversations", "instruction"}
    | {"input", "preferred_output", "non_preferred_output"}
    | {"user_input", "completion_a", "completion_b"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hh:
    """Conversations with a better and a worse answer."""

    path: Path
    """JSON Lines, a JSON array or Parquet; .gz is decompressed."""
    licence: str = ""
    """Whose terms the data is under; where empty, MIT for rows in HH-RLHF's own form."""
    generator: str = ""
    """Who wrote the answers; where empty, Anthropic's models for rows in HH-RLHF's own form."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every pair, in the order of the file."""
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        own = provenance(self.licence or "MIT", self.generator or "Anthropic's models")
        return reading.examples(lambda data: self._examples(data, own))

    def _examples(self, data: Data, own: Mapping[str, JSON]) -> Sequence[Example]:
        better = data.get("chosen")
        if found := _usual(better, data.get("rejected")):
            messages, worse = found
            meta: dict[str, JSON] = {**own, "rejected": [worse]}
            if len(data) > 2:
                meta |= {key: value for key, value in data.items() if key not in _READ}
            return (Example(messages=messages, meta=meta, origin=_ORIGIN),)
        row = row_of(data)
        if type(better) is str and better.startswith("\n\nHuman:") and "prompt" not in data:
            chosen, rejected = _transcript(row, "chosen"), _transcript(row, "rejected")
            stated = own
        else:
            stated = provenance(self.licence, self.generator)
            if "preferred_output" in data:
                chosen, rejected = _openai(row)
            elif "conversations" in data:
                prompt = named_turns(row, "conversations")
                chosen, rejected = ([*prompt, _named(row, k)] for k in ("chosen", "rejected"))
            elif "completion_a" in data:
                prompt = [Message("user", row.text("user_input"))]
                chosen, rejected = (
                    [*prompt, Message("assistant", row.text(key))]
                    for key in ("completion_a", "completion_b")
                )
            elif "instruction" in data:
                chosen, rejected = _texts(row)
            else:
                prompt = _prompt(row)
                chosen = [*prompt, *_answer(row, "chosen")]
                rejected = [*prompt, *_answer(row, "rejected")]
        if len(chosen) < 2 or chosen[-1].role != "assistant" or rejected[-1].role != "assistant":
            row.fail("both conversations must end with an answer", reason="no answer at the end")
        if chosen == rejected:
            row.fail("'chosen' and 'rejected' are the same", reason="no preference")
        meta = {**stated, **{key: value for key, value in data.items() if key not in _READ}}
        if chosen[:-1] == rejected[:-1]:
            meta["rejected"] = [rejected[-1].content]
        else:
            meta["rejected"] = cast("JSON", [[message.to_json() for message in rejected]])
        return (Example(messages=tuple(chosen), meta=meta, origin=_ORIGIN),)


def _usual(better: JSON, worse: JSON) -> tuple[tuple[Message, ...], str] | None:
    """The pair of two transcripts that differ in the last answer only, which is the rule."""
    if not is_text(better) or not is_text(worse) or not better.startswith(_QUESTION):
        return None
    at = better.rfind(_ANSWER)
    if at < 0 or at != worse.rfind(_ANSWER) or not worse.startswith(better[:at]):
        return None
    end = at + len(_ANSWER)
    chosen, rejected = better[end:].strip(), worse[end:].strip()
    if chosen == rejected or _QUESTION in chosen or _QUESTION in rejected:
        return None
    prompt = better[len(_QUESTION) : at]
    if _ANSWER in prompt or _QUESTION in prompt:
        turns = _turns(better[:at])
    else:
        turns = [Message("user", prompt.strip())]
    return (*turns, Message("assistant", chosen)), rejected


def _transcript(row: Row, key: str) -> list[Message]:
    text = row.text(key)
    pieces = _TURN.split(text)
    if pieces[0].strip() or len(pieces) < 3:
        told = f"{key!r} must be turns that start with a blank line and Human: or Assistant:"
        row.fail(told, reason="no transcript")
    return _turns(text)


def _turns(text: str) -> list[Message]:
    pieces = _TURN.split(text)
    return [
        Message("user" if speaker == "Human" else "assistant", said.strip())
        for speaker, said in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def _texts(row: Row) -> tuple[list[Message], list[Message]]:
    chosen, rejected = row.text("chosen"), row.text("rejected")
    instruction, given = row.text("instruction"), row.optional_text("input")
    prompt = Message("user", f"{instruction}{INPUT_MARK}{given}" if given else instruction)
    return [prompt, Message("assistant", chosen)], [prompt, Message("assistant", rejected)]


def _openai(row: Row) -> tuple[list[Message], list[Message]]:
    given = row.data.get("input")
    if not isinstance(given, dict):
        row.fail("'input' must be an object with 'messages'", reason="no prompt")
    start = Row(f"{row.place}, in 'input'", given)
    prompt = named_turns(start, "messages", speaker="role", says="content")
    chosen, rejected = (
        [*prompt, *named_turns(row, key, speaker="role", says="content")]
        for key in ("preferred_output", "non_preferred_output")
    )
    return chosen, rejected


def _named(row: Row, key: str) -> Message:
    turn = row.data.get(key)
    if not isinstance(turn, dict):
        row.fail(f"{key!r} must be an object with 'from' and 'value'", reason=f"no {key!r}")
    return named_turns(Row(row.place, {key: [turn]}), key)[0]


def _prompt(row: Row) -> list[Message]:
    if "prompt" not in row.data:
        return []
    if is_text(row.data["prompt"]):
        return [Message("user", row.data["prompt"])]
    return named_turns(row, "prompt", speaker="role", says="content")


def _answer(row: Row, key: str) -> list[Message]:
    if isinstance(row.data.get(key), list):
        return named_turns(row, key, speaker="role", says="content")
    return [Message("assistant", row.text(key))]
