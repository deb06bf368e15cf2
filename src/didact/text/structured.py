"""Reading JSON out of what a model wrote, leniently but never by half.

Models wrap JSON in prose and code fences, leave a comma at the end, write Python's ``True`` and
single quotes, and add comments. All of that is read. What is cut off, or broken after it began, is
refused with the place and the reason: a part of an answer is not an answer. Of several values the
first that fits the schema counts, those that open a code fence before all others.

Cost: no calls; one pass over the reply.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from didact.errors import ParseError
from didact.records import JSON, Reply
from didact.text.lenient import Broken, Cut, Value, read_value
from didact.text.schema import misfit

__all__ = ["read_json", "read_reply"]

_FENCE = re.compile(r"```[ \t]*[\w+.-]*[ \t]*\r?\n?\s*\Z")
_FENCED = re.compile(r"\s*```[ \t]*[\w+.-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*\Z", re.DOTALL)
_OPENING = re.compile(r"[{\[]")


@dataclass(frozen=True, slots=True)
class _Found:
    """A value in the reply; or, where it has none, the reason why there is none here."""

    value: Value | None
    fenced: bool
    reason: str = ""
    cut: bool = False


def read_json(reply: str, *, schema: Mapping[str, JSON] | None = None) -> JSON:
    """The first JSON value in a reply that fits the schema; any array or object without one.

    A lone string, number, true, false or null counts where it is all there is. Raises ParseError,
    which keeps the reply, where there is no such value, and ConfigError for a schema that uses a
    keyword this does not know.
    """
    text = reply.strip().removeprefix("\ufeff")
    if not text:
        raise ParseError("the reply is empty", reply=reply)
    whole = _whole(text)
    found = [whole] if whole else sorted(_scan(text), key=lambda f: not f.fenced)
    reasons: list[str] = []
    for candidate in found:
        if candidate.value is None:
            reasons.append(candidate.reason)
            if schema is None or candidate.cut:
                break
            continue
        reason = misfit(candidate.value.value, schema) if schema is not None else None
        if reason is None:
            return candidate.value.value
        reasons.append(reason)
    if not reasons:
        raise ParseError("there is no JSON in the reply", reply=reply)
    # The last reason is the one that ended the search, the first that of the likeliest value.
    told = reasons[-1] if found[len(reasons) - 1].cut else reasons[0]
    raise ParseError(f"the reply holds no JSON as asked for: {told}", reply=reply)


def read_reply(reply: Reply, *, schema: Mapping[str, JSON] | None = None) -> JSON:
    """The same from a model's reply; one that is not complete is refused before it is read.

    The error names the call, under which the whole reply is in the call log.
    """
    where = f"call {reply.key}: " if reply.key else ""
    if reply.finish != "stop":
        how = "was cut off" if reply.finish == "length" else f"is {reply.finish}"
        raise ParseError(f"{where}the reply {how}", reply=reply.text, call=reply.key)
    try:
        return read_json(reply.text, schema=schema)
    except ParseError as error:
        raise ParseError(f"{where}{error}", reply=reply.text, call=reply.key) from error


def _whole(text: str) -> _Found | None:
    """The reply where it is one JSON value and nothing else, with or without a fence around it."""
    fenced = _FENCED.match(text)
    for inner in (text, fenced[1] if fenced else None):
        if inner is None:
            continue
        try:
            value = Value(
                cast("JSON", json.loads(inner, parse_constant=_refuse, parse_float=_float)),
                len(text),
            )
        except (ValueError, RecursionError):
            value = _alone(inner.strip())
        if value is not None:
            return _Found(value, fenced=False)
    return None


def _alone(text: str) -> Value | None:
    """A lenient value that takes up all of the text."""
    try:
        value = read_value(text, 0)
    except Broken:
        return None
    return value if value.end == len(text) else None


def _scan(text: str) -> Iterator[_Found]:
    """Every outermost array and object of the text, in order; never one inside another."""
    at = 0
    while opening := _OPENING.search(text, at):
        start = opening.start()
        fenced = _FENCE.search(text, max(0, start - 80), start) is not None
        try:
            value = read_value(text, start)
        except Cut as error:
            yield _Found(None, fenced, f"it is cut off: {error}", cut=True)
            return
        except Broken as error:
            if error.begun:
                yield _Found(None, fenced, str(error))
            at = max(start + 1, error.at)
            continue
        yield _Found(value, fenced)
        at = value.end


def _refuse(constant: str) -> JSON:
    raise ValueError(f"{constant} is no JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is out of range")
    return value
