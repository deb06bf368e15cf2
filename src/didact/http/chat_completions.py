"""How OpenAI-compatible servers word requests and answers: chat completions and completions.

Pure functions between our values and theirs, shared by asking directly and by batches. Repeated
draws of a request are requests of their own (``draw``), each with a row of its own in the call log;
``n`` asks for several at once (``draws``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from didact.http.client import Unreadable
from didact.records import Reply, Request, Usage, digest

__all__ = ["path_of", "payload", "read_chat", "read_completion", "seed_of"]

_FINISH: dict[str, Literal["stop", "length", "refused"]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refused",
    "refusal": "refused",
    "safety": "refused",
}


def path_of(request: Request) -> str:
    """Where the request goes, under the server's address: messages to chat, prompts not."""
    return "chat/completions" if request.prompt is None else "completions"


def seed_of(request: Request) -> int:
    """The seed of a request: every draw has its own, and always the same one."""
    return int(digest(request.to_json())[:8], 16) & 0x7FFFFFFF


def payload(
    request: Request,
    *,
    model: str,
    logprobs: bool = False,
    extra: Mapping[str, object] | None = None,
    limit_name: str = "max_tokens",
    n: int = 1,
) -> dict[str, object]:
    """The request in the server's words; settings that do nothing are left out.

    ``n`` is how many replies to give, with the seed of the first.
    ``extra`` goes on top, and null in it takes one of ours away. ``limit_name`` is what the server
    calls the limit of new tokens.
    """
    sampling = request.sampling
    body: dict[str, object] = {"model": model}
    if request.prompt is None:
        body["messages"] = [message.to_json() for message in request.messages]
    else:
        body["prompt"] = request.prompt
    body[limit_name] = sampling.max_tokens
    if n > 1:
        body["n"] = n
    body["temperature"] = sampling.temperature
    if sampling.temperature > 0:
        body["seed"] = seed_of(request)
    if sampling.top_p < 1:
        body["top_p"] = sampling.top_p
    if sampling.presence_penalty:
        body["presence_penalty"] = sampling.presence_penalty
    if sampling.frequency_penalty:
        body["frequency_penalty"] = sampling.frequency_penalty
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": dict(request.schema), "strict": True},
        }
    if logprobs:
        # Chat servers take a switch, completion servers how many alternatives to list.
        body["logprobs"] = True if request.prompt is None else 1
    if extra:
        body |= extra
        return {name: value for name, value in body.items() if value is not None}
    return body


def read_chat(data: Mapping[str, Any]) -> Reply:
    """The reply of chat completions; any exception of reading means that there is none."""
    choice, finish = _choice(data)
    message = choice["message"]
    text = message.get("content")
    if isinstance(text, list):
        text = "".join(part.get("text", "") for part in cast("list[dict[str, str]]", text))
    if message.get("refusal"):
        text, finish = text or message["refusal"], "refused"
    return _reply(data, choice, text, finish)


def read_completion(data: Mapping[str, Any]) -> Reply:
    """The same for plain completions."""
    choice, finish = _choice(data)
    return _reply(data, choice, choice["text"], finish)


def _choice(
    data: Mapping[str, Any],
) -> tuple[Mapping[str, Any], Literal["stop", "length", "refused"]]:
    if not data.get("choices"):
        raise Unreadable("a reply without choices")
    choice = data["choices"][0]
    stated = choice.get("finish_reason") or "stop"
    if stated == "error":
        raise Unreadable("a reply that ended in an error")
    return choice, _FINISH.get(stated, "stop")


def _reply(
    data: Mapping[str, Any],
    choice: Mapping[str, Any],
    text: object,
    finish: Literal["stop", "length", "refused"],
) -> Reply:
    if text is None and finish == "stop":
        raise Unreadable("a reply without text")
    if not isinstance(text, str | None):
        raise Unreadable("a reply whose text is no text")
    usage = cast("dict[str, Any]", data.get("usage") or {})
    stated = choice.get("logprobs")
    return Reply(
        text=text or "",
        finish=finish,
        usage=Usage(
            prompt=int(usage.get("prompt_tokens") or 0),
            completion=int(usage.get("completion_tokens") or 0),
        ),
        logprobs=_logprobs(stated) if stated else None,
        model=str(data.get("model") or ""),
    )


def _logprobs(data: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Chat servers give one object per token, completion servers a list of numbers."""
    if data.get("content"):
        return tuple(float(token["logprob"]) for token in data["content"])
    if data.get("token_logprobs"):
        return tuple(float(value) for value in data["token_logprobs"] if value is not None)
    return None
