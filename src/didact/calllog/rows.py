"""Calls as values, and as rows of the log.

A text of more than 4 kB is stored compressed (zlib, which every Python has), and so is one with a
lone surrogate, which SQLite's text cannot hold. What replays carries a checksum: a page that a bad
disk changed is told, and never replayed as something else.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from didact.calllog.file import trouble
from didact.errors import Fault, ModelError
from didact.records import JSON, Message, Reply, Request, Sampling, Usage

__all__ = [
    "Call",
    "Row",
    "Totals",
    "Usd",
    "packed",
    "read",
    "request_of",
    "row_of",
    "unpacked",
    "writable",
]

Row: TypeAlias = tuple[Any, ...]
Usd: TypeAlias = float | None

_LONG = 4096
"""Bytes; what is longer is compressed."""
_LEVEL = 1
"""Of zlib: on prose a tenth larger than level 6, and three times as fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One logged call: a reply, or the error that came instead."""

    number: int
    """Order of logging, from 1."""
    key: str
    role: str
    model: str
    """The model's identity; its server's own name is ``reply.model``."""
    asked: Request | str | bytes = field(repr=False, compare=False)
    """The request as it is stored; ``request`` reads it."""
    reply: Reply | None
    error: str = ""
    retryable: bool = False
    status: int | None = None
    fault: Fault = "unknown"
    seconds: float = 0.0
    usd: Usd = None
    """What it cost; None when the price is unknown."""
    copied: bool = False
    """Whether it came from another run, which paid for it."""
    forgotten: bool = False
    """Whether it answers its key no more (a failure to be asked again); it still cost something."""

    @property
    def request(self) -> Request:
        """What was asked."""
        if isinstance(self.asked, Request):
            return self.asked
        return request_of(json.loads(unpacked(self.asked)))

    def outcome(self) -> Reply:
        """The reply; a logged failure is raised again as the ModelError it was."""
        if self.reply is None:
            raise ModelError(
                self.error, retryable=self.retryable, status=self.status, fault=self.fault
            )
        return self.reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Calls, tokens, money and seconds, added up."""

    made: int = 0
    """Calls sent to a model."""
    replayed: int = 0
    """Calls answered from a log instead; over a whole log, those copied from other runs."""
    failed: int = 0
    """Those of the calls that ended in an error."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    """Money, as far as prices are known."""
    seconds: float = 0.0
    """Time the models took, summed over calls that ran side by side."""

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            made=self.made + other.made,
            replayed=self.replayed + other.replayed,
            failed=self.failed + other.failed,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            usd=self.usd + other.usd,
            seconds=self.seconds + other.seconds,
        )

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "made": self.made,
            "replayed": self.replayed,
            "failed": self.failed,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            # A call may cost a millionth of a dollar; the noise of adding up is below that.
            "usd": round(self.usd, 9),
            "seconds": round(self.seconds, 3),
        }


def row_of(call: Call) -> Row:
    """The row of a call, in the order of ``schema.COLUMNS``."""
    reply = call.reply
    text = packed(reply.text) if reply else None
    logprobs = None
    if reply is not None and reply.logprobs is not None:
        logprobs = packed(json.dumps(reply.logprobs))
    finish = reply.finish if reply else None
    error = None if reply else writable(call.error)
    request = call.asked
    if isinstance(request, Request):
        request = json.dumps(request.to_json(), ensure_ascii=False)
    if isinstance(request, str):
        request = packed(request)
    return (
        call.key,
        call.role,
        call.model,
        writable(reply.model) if reply else None,
        finish,
        reply.usage.prompt if reply else 0,
        reply.usage.completion if reply else 0,
        call.usd,
        call.seconds,
        int(call.copied),
        call.number if call.forgotten else 0,
        error,
        None if reply else int(call.retryable),
        None if reply else call.status,
        None if reply else call.fault,
        _seal(call.key, finish or error, text, logprobs, request),
        text,
        logprobs,
        request,
    )


def read(row: Row, path: Path | None) -> Call:
    """The call in a row of ``schema.SELECT``; StoreError where it was damaged."""
    number, key, role, model, server, finish, prompt, completion, usd, seconds = row[:10]
    copied, forgotten, error, retryable, status, fault, seal, text, logprobs, request = row[10:]
    if seal is not None and seal != _seal(key, finish or error, text, logprobs, request):
        raise trouble(path, zlib.error(f"call {number} is not as it was written"))
    reply = None
    if error is None:
        reply = Reply(
            text=unpacked(text) if type(text) is bytes else text,
            finish=finish,
            usage=Usage(prompt=prompt, completion=completion),
            logprobs=tuple(json.loads(unpacked(logprobs))) if logprobs is not None else None,
            model=server,
            key=key,
        )
    return Call(
        number=number,
        key=key,
        role=role,
        model=model,
        asked=request,
        reply=reply,
        error=error or "",
        retryable=bool(retryable),
        status=status,
        fault=fault or "unknown",
        seconds=seconds,
        usd=usd,
        copied=bool(copied),
        forgotten=bool(forgotten),
    )


def request_of(data: dict[str, Any]) -> Request:
    """The inverse of ``Request.to_json``."""
    sampling: dict[str, Any] = {**data["sampling"], "stop": tuple(data["sampling"]["stop"])}
    return Request(
        messages=tuple(Message(m["role"], m["content"]) for m in data["messages"]),
        prompt=data["prompt"],
        sampling=Sampling(**sampling),
        schema=data["schema"],
        draw=data["draw"],
        seed=data["seed"] or 0,
    )


def packed(text: str) -> str | bytes:
    """The text itself, or compressed when it is long or no Unicode."""
    if text.isascii() and len(text) <= _LONG:
        return text
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= _LONG and writable(text) == text:
        return text
    return zlib.compress(data, _LEVEL)


def unpacked(stored: str | bytes) -> str:
    """The inverse of ``packed``."""
    if isinstance(stored, str):
        return stored
    return zlib.decompress(stored).decode("utf-8", "surrogatepass")


def writable(text: str) -> str:
    """The text with lone surrogates replaced."""
    return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)


def _seal(key: str, end: str | None, *parts: str | bytes | None) -> int:
    """CRC-32 of what a replay depends on."""
    check = zlib.crc32(f"{key} {end}".encode())
    for part in parts:
        if part is not None:
            check = zlib.crc32(part if isinstance(part, bytes) else part.encode(), check)
    return check
