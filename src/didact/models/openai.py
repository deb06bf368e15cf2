"""Any server that speaks the OpenAI protocol: hosted APIs, vLLM, SGLang, llama.cpp, Ollama.

Also ``transformers serve`` and the usual gateways. Messages go to ``/chat/completions``, plain
prompts to ``/completions``; a server's own settings go through ``extra``. Models that take
``max_completion_tokens`` instead of ``max_tokens`` are recognised by what they say to the first
request. ``n`` is refused: draws of a request are requests of their own (see
``didact/http/chat_completions.py``). What happens to a request on its way is in
``didact/http/client.py``. Cost: one call per request, plus the attempts that came to nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from didact.errors import ConfigError, ModelError
from didact.http.chat_completions import path_of, payload, read_chat, read_completion
from didact.http.client import Client, Terms
from didact.http.draws import Draws, reading_all
from didact.records import JSON, Reply, Request, canonical, operational

__all__ = ["OpenAI"]


_ALL = frozenset({"chat", "completion", "logprobs", "schema"})


class _Live:
    """What a component knows once it was asked."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.identity = ""
        self.limit_name = "max_tokens"
        self.draws: Draws | None = None


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
    """Most requests in flight; fewer while the server says that it is full."""
    timeout: float = operational(120.0)
    """Seconds for one attempt."""
    retries: int = operational(6)
    """Further attempts after a failure that may pass; waiting for a rate limit is none."""
    deadline: float = operational(900.0)
    """Seconds for one request with all its attempts and waits."""
    logprobs: bool = False
    """Ask for the log-probabilities of the reply's tokens."""
    n: int = operational(1)
    """Most draws of one request in one call, where recipes or judges draw several at a time."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further fields of the request, as the server knows them; null leaves one of ours out."""
    _live: _Live = field(init=False, repr=False, compare=False, default_factory=_Live)

    def __post_init__(self) -> None:
        self._terms()
        if self.n < 1:
            raise ConfigError("openai: n must be at least 1")
        if self.extra.get("n") not in (None, 1):
            raise ConfigError(
                "openai: extra.n asks for several replies to one request, of which all but the"
                " first would be paid for and lost; say n: beside model: instead"
            )

    @property
    def identity(self) -> str:
        """The model's name and what is asked of it; not where it is served, nor with which key."""
        if not self._live.identity:
            extra = cast("dict[str, JSON]", dict(self.extra))
            if self.logprobs:
                extra = {**extra, "logprobs": True}
            self._live.identity = f"openai:{self.model}" + (f"+{canonical(extra)}" if extra else "")
        return self._live.identity

    @property
    def capabilities(self) -> frozenset[str]:
        """Both forms and schemas, where the server has them; log-probabilities when asked for."""
        return _ALL if self.logprobs or self.extra.get("logprobs") else _ALL - {"logprobs"}

    async def ask(self, request: Request) -> Reply:
        """The server's reply, after as many attempts as it needs and is allowed."""
        if self.n == 1 or request.sampling.temperature == 0:
            return (await self._replies(request, 1))[0]
        draws = self._live.draws
        if draws is None:
            draws = self._live.draws = Draws(self.n, self._replies)
        return await draws.ask(request)

    async def _replies(self, request: Request, count: int) -> list[Reply]:
        """So many replies, of one call."""
        live = self._live
        client = live.client
        if client is None:
            client = live.client = Client(self._terms(), _headers)
        read = read_chat if request.prompt is None else read_completion
        found: list[Reply] = []
        if count > 1:
            read = reading_all(read, count, found)
        name = live.limit_name
        try:
            reply = await client.ask(path_of(request), self._body(request, name, count), read)
            return found or [reply] * count
        except ModelError as error:
            # OpenAI's newer models; a refused request costs nothing.
            if error.fault != "request" or "max_completion_tokens" not in str(error):
                raise
            if name != "max_tokens" or "max_completion_tokens" in self.extra:
                raise
        live.limit_name = "max_completion_tokens"
        body = self._body(request, live.limit_name, count)
        reply = await client.ask(path_of(request), body, read)
        return found or [reply] * count

    async def close(self) -> None:
        """Closes the connections."""
        if self._live.client is not None:
            await self._live.client.close()

    def _body(self, request: Request, limit_name: str, count: int) -> bytes:
        return json.dumps(
            payload(
                request,
                model=self.model,
                logprobs=self.logprobs,
                extra=self.extra,
                limit_name=limit_name,
                n=count,
            )
        ).encode()

    def _terms(self) -> Terms:
        url = self.url.rstrip("/")
        for ending in ("/chat/completions", "/completions"):
            url = url.removesuffix(ending)
        return Terms(
            kind="openai",
            url=url,
            model=self.model,
            key_env=self.key_env,
            concurrency=self.concurrency,
            timeout=self.timeout,
            retries=self.retries,
            deadline=self.deadline,
        )


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
