"""How the Anthropic messages API words requests and answers.

Pure functions between our values and theirs, shared by asking directly and by batches. What differs
from OpenAI's: system turns are a field of their own; a schema is the input of a tool that the model
must use; blank stop sequences are refused, so the text is cut at them here; there are no penalties
and no seed; tokens written to or read from the prompt cache are counted beside the prompt's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from didact.http.client import Unreadable
from didact.records import JSON, Reply, Request, Usage

__all__ = ["VERSION", "payload", "read"]

VERSION = "2023-06-01"
"""The version of the API, sent as a header."""

_TOOL = "reply"
_WRAPPED = "value"
"""The one field of the tool's input where the schema is not that of an object."""


def payload(
    request: Request, *, model: str, extra: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The request in the API's words; ``extra`` goes on top, null in it takes one of ours away."""
    sampling = request.sampling
    system = "\n\n".join(m.content for m in request.messages if m.role == "system")
    body: dict[str, object] = {
        "model": model,
        "max_tokens": sampling.max_tokens,
        "messages": [m.to_json() for m in request.messages if m.role != "system"],
        "temperature": sampling.temperature,
    }
    if system:
        body["system"] = system
    if sampling.top_p < 1:
        body["top_p"] = sampling.top_p
    if stops := [stop for stop in sampling.stop if stop.strip()]:
        body["stop_sequences"] = stops
    if request.schema is not None:
        body |= _tool(request.schema, forced=not _thinks(extra or {}))
    if extra:
        body |= extra
        return {name: value for name, value in body.items() if value is not None}
    return body


def _tool(schema: Mapping[str, JSON], *, forced: bool) -> dict[str, object]:
    whole = dict(schema)
    if whole.get("type") != "object":
        whole = {"type": "object", "properties": {_WRAPPED: whole}, "required": [_WRAPPED]}
    choice: dict[str, object] = {"type": "tool", "name": _TOOL} if forced else {"type": "auto"}
    tool = {"name": _TOOL, "description": "Give the answer in this form.", "input_schema": whole}
    return {"tools": [tool], "tool_choice": {**choice, "disable_parallel_tool_use": True}}


def _thinks(extra: Mapping[str, object]) -> bool:
    """A model that thinks first may not be forced to use a tool."""
    thinking = extra.get("thinking")
    if not isinstance(thinking, Mapping):
        return False
    return cast("Mapping[str, object]", thinking).get("type") != "disabled"


def read(data: Mapping[str, Any], request: Request) -> Reply:
    """The reply to a request; any exception of reading means that there is none."""
    if data.get("type") == "error" or "content" not in data:
        raise Unreadable("a reply without content")
    blocks = cast("list[Mapping[str, Any]]", data["content"])
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    used = [b["input"] for b in blocks if b["type"] == "tool_use" and b["name"] == _TOOL]
    finish = _finish(data.get("stop_reason"), used=bool(used))
    if request.schema is not None and used:
        value = used[0]
        if request.schema.get("type") != "object" and isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(_WRAPPED, value)
        text = json.dumps(value, ensure_ascii=False)
    for stop in request.sampling.stop:
        if not stop.strip() and (cut := text.find(stop)) >= 0:
            text, finish = text[:cut], "stop"
    usage = cast("dict[str, Any]", data.get("usage") or {})
    prompt = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Reply(
        text=text,
        finish=finish,
        usage=Usage(
            prompt=sum(int(usage.get(name) or 0) for name in prompt),
            completion=int(usage.get("output_tokens") or 0),
        ),
        model=str(data.get("model") or ""),
    )


def _finish(reason: str | None, *, used: bool) -> Literal["stop", "length", "refused"]:
    """Whatever is not known to be an end is none: a pause, a full context, a word of tomorrow."""
    if reason in ("end_turn", "stop_sequence") or (reason == "tool_use" and used):
        return "stop"
    return "refused" if reason == "refusal" else "length"
