"""What a server's refusal means: wait, slow down, mend the request, or stop asking.

Servers agree on statuses but not on their use: an exhausted account answers 429 like a busy one, a
prompt that is too long comes as 400, 413, 422 or 500, and some proxies put an error into a 200. So
the words are read too. Patterns are those of OpenAI, Anthropic, vLLM, SGLang, llama.cpp, TGI,
Ollama and the usual gateways.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias, cast

__all__ = ["Kind", "Said", "Trouble", "judge", "retry_after", "said_by"]

Kind: TypeAlias = Literal["transient", "request", "too_long", "refused", "credentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An attempt that came to nothing, and what follows from it."""

    kind: Kind
    message: str
    status: int | None = None
    after: float = 0.0
    """Seconds the server asks to wait."""
    crowded: bool = False
    """The server has too much to do: send fewer at once."""
    dead: bool = False
    """The server itself may be down: counts for the breaker."""
    waiting: bool = False
    """A matter of patience (a rate limit): does not use up the request's attempts."""


@dataclass(frozen=True, slots=True)
class Said:
    """A server's error in its own words."""

    message: str
    code: str = ""
    """Its code and type for the error, in lower case, in one string."""


_TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size|limit)|maximum (context|model|prompt|input) length"
    r"|(prompt|input|message)s? (is|are|was) too (long|large)|too many (input )?tokens"
    r"|exceeds? the (maximum|available) (number of tokens|context)"
    r"|max_new_tokens.{0,40}must be|request too large|longer than the (maximum )?model"
    r"|reduce the length of the (messages|prompt|input)|input token count",
    re.IGNORECASE,
)
_TOO_LONG_CODES = ("context_length_exceeded", "exceed_context_size_error", "request_too_large")
_REFUSED_CODES = (
    "content_filter", "content_policy_violation", "responsibleaipolicyviolation",
    "invalid_prompt", "moderation", "data_inspection_failed",
)  # fmt: skip
_REFUSED = re.compile(r"flagged|content (management )?policy|usage policy|moderation", re.I)
# A code, never the sentence "exceeded your current quota": Google says that of a busy minute too.
_EXHAUSTED_CODES = (
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error",
    "account_deactivated", "insufficient_credits", "invalid_api_key", "authentication_error",
    "permission_error",
)  # fmt: skip
_EXHAUSTED = re.compile(r"credit balance is too low|insufficient (credits|balance)", re.I)
_PASSING = frozenset({408, 409, 425})
_CROWDED = frozenset({429, 503, 529})


def judge(status: int, content: bytes, headers: Mapping[str, str]) -> Trouble:
    """What a refusal with this status and body means."""
    said = said_by(content)
    kind = _kind(status, said)
    message = said.message
    if 300 <= status < 400:
        message = "the server sends elsewhere; give the final url"
    passing = kind == "transient"
    return Trouble(
        kind=kind,
        message=message,
        status=status,
        after=retry_after(headers) if passing else 0.0,
        crowded=passing and status in _CROWDED,
        dead=passing and status >= 500,
        waiting=passing and status == 429,
    )


def _kind(status: int, said: Said) -> Kind:
    code = said.code
    if any(word in code for word in _EXHAUSTED_CODES) or _EXHAUSTED.search(said.message):
        return "credentials"
    if any(word in code for word in _REFUSED_CODES):
        return "refused"
    if status in (400, 403, 422) and _REFUSED.search(said.message):
        return "refused"
    if status in (401, 402, 403):
        return "credentials"
    if status == 413 or any(word in code for word in _TOO_LONG_CODES):
        return "too_long"
    # A 429 may say "request too large": no waiting shortens a request. llama.cpp says 500.
    if status in (400, 422, 429, 500) and _TOO_LONG.search(said.message):
        return "too_long"
    if status in _PASSING or status == 429 or status >= 500:
        return "transient"
    return "request"


def said_by(content: bytes) -> Said:
    """What a body says went wrong, in any of the usual forms."""
    text = content.decode("utf-8", "replace").strip()
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Said(text[:300] or "no message")
    # Google's compatible endpoint wraps the error in a list.
    if isinstance(data, list) and data:
        data = cast("Any", data[0])
    if isinstance(data, dict) and "error" in data:
        data = cast("Any", data["error"])
    if not isinstance(data, dict):
        return Said(str(cast("object", data))[:300])
    error = cast("dict[str, Any]", data)
    message = error.get("message") or error.get("detail") or error
    words = message if isinstance(message, str) else json.dumps(message)
    named = [error.get("code"), error.get("type"), cast("Any", error.get("innererror"))]
    if isinstance(named[2], dict):
        named[2] = cast("dict[str, Any]", named[2]).get("code")
    return Said(words[:300], " ".join(str(name) for name in named if name).lower())


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait, from Retry-After (seconds or a date) or its form in milliseconds; else 0."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _waitable(float(milliseconds) / 1000)
        stated = headers.get("retry-after") or headers.get("Retry-After")
        if not stated:
            return 0.0
        if re.fullmatch(r"\s*[-+0-9.eE]+\s*", stated):
            return _waitable(float(stated))
        return _waitable(parsedate_to_datetime(stated).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _waitable(seconds: float) -> float:
    return seconds if 0 < seconds < float("inf") else 0.0
