"""A server on loopback that does what a test tells it to, in OpenAI's words or Anthropic's.

    async with FakeServer(Say("hello")) as server:
        reply = await OpenAI(url=server.url, model="m").ask(request)
        server.received[0].body["max_tokens"]

Behaviours are used up one per request, the last one for good.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Body = Mapping[str, Any]
Behaviour = Callable[["FakeServer", "Received"], "web.StreamResponse | Any"]


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    body: Body
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Say:
    """Answers with a text, or with what a function makes of the request's body.

    In the words of the endpoint asked: chat completions, completions, or Anthropic's messages.
    """

    text: str | Callable[[Body], str] | None = "ok"
    finish: str | None = "stop"
    after: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the choice, or of the message."""
    model: str = "fake@main"

    async def __call__(self, server: FakeServer, received: Received) -> web.Response:
        await asyncio.sleep(self.after)
        text = self.text(received.body) if callable(self.text) else self.text
        if received.path.endswith("/messages"):
            return web.json_response(self._message(text))
        chat = received.path.endswith("/chat/completions")
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        choice = {"index": 0, "finish_reason": self.finish, **said, **self.more}
        return web.json_response(
            {
                "model": self.model,
                "choices": [choice],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3},
            }
        )

    def _message(self, text: str | None) -> dict[str, Any]:
        return {
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [{"type": "text", "text": text or ""}],
            "stop_reason": "end_turn" if self.finish == "stop" else self.finish,
            "usage": {"input_tokens": 7, "output_tokens": 3},
            **self.more,
        }


@dataclass(frozen=True)
class Refuse:
    """Answers with an error status."""

    status: int
    message: str = "no"
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    type: str | None = None

    async def __call__(self, server: FakeServer, received: Received) -> web.Response:
        error = {"error": {"message": self.message, "code": self.code, "type": self.type}}
        return web.json_response(error, status=self.status, headers=dict(self.headers))


@dataclass(frozen=True)
class Raw:
    """Answers with these bytes."""

    body: bytes
    status: int = 200

    async def __call__(self, server: FakeServer, received: Received) -> web.Response:
        return web.Response(body=self.body, status=self.status, content_type="application/json")


@dataclass(frozen=True)
class HangUp:
    """Closes the connection without an answer."""

    async def __call__(self, server: FakeServer, received: Received) -> web.Response:
        assert server.transport is not None
        server.transport.abort()
        return web.Response()


class FakeServer:
    """The server; ``received`` holds every request, ``most_at_once`` the peak concurrency."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self._behaviours = list(behaviours) or [Say()]
        self.received: list[Received] = []
        self.most_at_once = 0
        self.transport: asyncio.Transport | None = None
        self._at_once = 0
        app = web.Application()
        app.router.add_post("/{path:.*}", self._handle)
        self._server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self._server.make_url("/v1"))

    async def __aenter__(self) -> FakeServer:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        received = Received(request.path, json.loads(await request.read()), request.headers)
        self.received.append(received)
        self.transport = request.transport
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await behaviour(self, received)
        finally:
            self._at_once -= 1
