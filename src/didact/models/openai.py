"""Any server that speaks the OpenAI protocol: hosted APIs, vLLM, llama.cpp, ``transformers serve``.

Messages go to ``/chat/completions``, plain prompts to ``/completions``. Written on aiohttp, because
the usual clients spend most of their time in their own connection pools at a few hundred requests
in flight. Transient failures (429, 5xx, timeouts, broken connections, unreadable replies) are tried
again with full jitter, Retry-After is honoured, and there is an overall deadline; anything the
server refuses for good is a ModelError with the server's own words. Cost: one call per request,
plus the attempts that failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from didact.errors import ConfigError, ModelError
from didact.records import JSON, Reply, Request, Usage, canonical, digest, operational

if TYPE_CHECKING:
    import aiohttp

__all__ = ["OpenAI"]

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_TRANSIENT = frozenset({408, 409, 425, 429})

_FINISH: dict[str, Literal["stop", "length", "refused"]] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
    "refusal": "refused",
}


class _Connection:
    """The session of one event loop."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.slots = asyncio.Semaphore(1)


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that came to nothing; ``after`` is the wait the server asked for."""

    error: ModelError
    after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI:
    """A model behind an OpenAI-compatible server."""

    url: str = operational("http://localhost:8000/v1")
    """Address of the server, up to and with the version: .../v1."""
    model: str
    """The model's name, as the server knows it."""
    key_env: str | None = operational(None)
    """Name of the environment variable that holds the key; the key itself is never written."""
    concurrency: int = operational(16)
    """Most requests in flight."""
    timeout: float = operational(120.0)
    """Seconds for one attempt."""
    retries: int = operational(6)
    """Further attempts after a failure that may pass."""
    deadline: float = operational(900.0)
    """Seconds for one request with all its attempts and waits."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further fields of the request, as the server knows them; null leaves one of ours out."""
    _connection: _Connection = field(
        init=False, repr=False, compare=False, default_factory=_Connection
    )

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError(f"openai: url {self.url!r} must begin with http:// or https://")
        if self.concurrency < 1 or self.retries < 0 or self.timeout <= 0 or self.deadline <= 0:
            raise ConfigError(
                "openai: concurrency must be at least 1, retries at least 0, "
                "timeout and deadline above 0"
            )

    @property
    def identity(self) -> str:
        """The model's name and the extra fields; not where it is served, nor with which key."""
        extra = cast("dict[str, JSON]", dict(self.extra))
        return f"openai:{self.model}" + (f"+{canonical(extra)}" if extra else "")

    async def ask(self, request: Request) -> Reply:
        """The server's reply, after as many attempts as it needs and is allowed."""
        chat = request.prompt is None
        address = self._address("chat/completions" if chat else "completions")
        body = json.dumps(self._payload(request)).encode()
        session = self._session()
        left = self.deadline
        for attempt in range(self.retries + 1):
            # Waiting for one's turn does not count against the deadline: a long queue is no fault.
            async with self._connection.slots:
                start = time.monotonic()
                limit = min(self.timeout, left)
                outcome = await self._attempt(session, address, body, chat=chat, limit=limit)
            if isinstance(outcome, Reply):
                return outcome
            # Full jitter spreads clients that failed together; it decides when, never what.
            ceiling = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
            wait = outcome.after + random.uniform(0, ceiling)
            left -= time.monotonic() - start + wait
            if attempt == self.retries or left <= 0 or not outcome.error.retryable:
                raise outcome.error
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Closes the connections."""
        session, self._connection.session = self._connection.session, None
        if session is not None:
            await session.close()

    def _address(self, path: str) -> str:
        root = self.url.rstrip("/")
        for ending in ("/chat/completions", "/completions"):
            root = root.removesuffix(ending)
        return f"{root}/{path}"

    def _payload(self, request: Request) -> dict[str, object]:
        """The request in the server's words; settings that do nothing are left out."""
        sampling = request.sampling
        payload: dict[str, object] = {"model": self.model}
        if request.prompt is None:
            payload["messages"] = [message.to_json() for message in request.messages]
        else:
            payload["prompt"] = request.prompt
        payload |= {"max_tokens": sampling.max_tokens, "temperature": sampling.temperature}
        if sampling.temperature > 0:
            # Every draw of a request has a seed of its own, and always the same one.
            payload["seed"] = int(digest(request.to_json())[:8], 16) & 0x7FFFFFFF
        if sampling.top_p < 1:
            payload["top_p"] = sampling.top_p
        if sampling.presence_penalty:
            payload["presence_penalty"] = sampling.presence_penalty
        if sampling.frequency_penalty:
            payload["frequency_penalty"] = sampling.frequency_penalty
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        if request.schema is not None:
            payload["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": dict(request.schema), "strict": True},
            }
        payload |= self.extra
        return {name: value for name, value in payload.items() if value is not None}

    async def _attempt(
        self,
        session: aiohttp.ClientSession,
        address: str,
        body: bytes,
        *,
        chat: bool,
        limit: float,
    ) -> Reply | _Failure:
        import aiohttp

        headers = {"Content-Type": "application/json"} | self._authorisation()
        try:
            async with session.post(
                address,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=limit),
            ) as response:
                content = await response.read()
                status, retry_after = response.status, response.headers.get("Retry-After")
        except TimeoutError:
            return _Failure(ModelError(f"{address}: no reply within {limit:g} s", retryable=True))
        except aiohttp.InvalidURL as error:
            raise ConfigError(f"openai: url {self.url!r} is no address") from error
        except (aiohttp.ClientError, OSError) as error:
            reason = self._without_key(str(error) or type(error).__name__)
            return _Failure(ModelError(f"{address}: {reason}", retryable=True))
        if status == 200:
            return self._reply(address, content, chat=chat)
        return self._refusal(address, status, content, retry_after=retry_after)

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        connection, loop = self._connection, asyncio.get_running_loop()
        if connection.session is None or connection.loop is not loop:
            connection.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self.concurrency),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            connection.loop, connection.slots = loop, asyncio.Semaphore(self.concurrency)
        return connection.session

    def _key(self) -> str:
        if self.key_env is None:
            return ""
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise ConfigError(
                f"openai: the environment variable {self.key_env} (key_env of {self.model!r}) "
                "is not set"
            )
        return key

    def _authorisation(self) -> dict[str, str]:
        key = self._key()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _without_key(self, text: str) -> str:
        key = self._key()
        return text.replace(key, "***") if key else text

    def _reply(self, address: str, content: bytes, *, chat: bool) -> Reply | _Failure:
        try:
            return _read_reply(json.loads(content), chat=chat)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            start = self._without_key(content[:200].decode("utf-8", "replace"))
            reason = str(error) if isinstance(error, _Unreadable) else "not a completion"
            return _Failure(
                ModelError(f"{address}: {reason}: {start!r}", retryable=True, status=200)
            )

    def _refusal(
        self, address: str, status: int, content: bytes, *, retry_after: str | None
    ) -> _Failure:
        message, code = _server_message(content)
        message = self._without_key(message)
        if status in (401, 403):
            named = f"the key in {self.key_env}" if self.key_env else "a request without a key"
            advice = "" if self.key_env else "; name its environment variable with key_env"
            message = f"the server refuses {named}{advice}: {message}"
        elif status == 404:
            message += (
                f" (is {self.model!r} served there, and does the url end in /v1 or the like?)"
            )
        elif 300 <= status < 400:
            message = "the server sends elsewhere; give the final url"
        # An exhausted account answers 429 too, and no waiting helps.
        lasting = code == "insufficient_quota"
        retryable = (status in _TRANSIENT or status >= 500) and not lasting
        error = ModelError(f"{address}: {status}: {message}", retryable=retryable, status=status)
        return _Failure(error, after=_seconds(retry_after))


class _Unreadable(ValueError):
    """A reply that is JSON but holds no answer."""


def _read_reply(
    data: Any,  # noqa: ANN401  (JSON from outside, of any shape)
    *,
    chat: bool,
) -> Reply:
    """Any exception of reading means that this is no completion."""
    if not data.get("choices"):
        raise _Unreadable("a reply without choices")
    choice = data["choices"][0]
    stated = choice.get("finish_reason")
    finish = _FINISH.get(stated or "stop", "stop")
    message = choice["message"] if chat else choice
    text = message.get("content") if chat else message["text"]
    if isinstance(text, list):
        text = "".join(part.get("text", "") for part in cast("list[dict[str, str]]", text))
    if chat and message.get("refusal"):
        text, finish = text or message["refusal"], "refused"
    if text is None and finish == "stop":
        raise _Unreadable("a reply without text")
    if not isinstance(text, str | None):
        raise _Unreadable("a reply whose text is no text")
    usage = cast("dict[str, Any]", data.get("usage") or {})
    return Reply(
        text=text or "",
        finish=finish,
        usage=Usage(
            prompt=int(usage.get("prompt_tokens") or 0),
            completion=int(usage.get("completion_tokens") or 0),
        ),
        logprobs=_logprobs(choice.get("logprobs")),
        model=str(data.get("model") or ""),
    )


def _logprobs(data: Any) -> tuple[float, ...] | None:  # noqa: ANN401  (JSON of any shape)
    """Chat servers give one object per token, completion servers a list of numbers."""
    if not data:
        return None
    if data.get("content"):
        return tuple(float(token["logprob"]) for token in data["content"])
    if data.get("token_logprobs"):
        return tuple(float(value) for value in data["token_logprobs"] if value is not None)
    return None


def _server_message(content: bytes) -> tuple[str, str]:
    """What the server says, and its code for it, in any of the usual forms."""
    text = content.decode("utf-8", "replace").strip()
    try:
        data: Any = json.loads(text)
    except ValueError:
        return text[:300] or "no message", ""
    if isinstance(data, dict):
        data = cast("dict[str, Any]", data).get("error", cast("dict[str, Any]", data))
    if not isinstance(data, dict):
        return str(data)[:300], ""
    error = cast("dict[str, Any]", data)
    message = error.get("message") or error.get("detail") or error
    text = message if isinstance(message, str) else json.dumps(message)
    return text[:300], str(error.get("code") or "")


def _seconds(retry_after: str | None) -> float:
    """Retry-After, which is a number of seconds or a date; 0 where it is neither."""
    if not retry_after:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0
