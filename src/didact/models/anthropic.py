"""Claude through the Anthropic messages API, or any server that speaks it.

Messages only: it continues no plain prompts. A schema is given as a tool that the model must use
(one that it may use, where ``extra`` turns thinking on, since the API forbids to force it then). It
has no seed and no penalties: ``draw`` still gives another reply, but the provider alone decides
which. What happens to a request on its way is in ``didact/http/client.py``. Cost: one call per
request, plus the attempts that came to nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, cast

from didact.errors import ModelError
from didact.http.anthropic_messages import VERSION, payload, read
from didact.http.client import Client, Terms
from didact.records import JSON, Reply, Request, canonical, operational

__all__ = ["Anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic:
    """A Claude model behind the messages API."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "schema"})

    url: str = operational("https://api.anthropic.com/v1")
    """Address of the API, up to and with the version: .../v1."""
    model: str
    """The model's name, as the API knows it."""
    key_env: str | None = operational("ANTHROPIC_API_KEY")
    """Name of the environment variable that holds the key; the key itself is never written."""
    concurrency: int = operational(16)
    """Most requests in flight; fewer while the server says that it is full."""
    timeout: float = operational(120.0)
    """Seconds for one attempt."""
    retries: int = operational(6)
    """Further attempts after a failure that may pass; waiting for a rate limit is none."""
    deadline: float = operational(900.0)
    """Seconds for one request with all its attempts and waits."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further fields of the request, as the API knows them; null leaves one of ours out."""
    _clients: list[Client] = field(
        init=False, repr=False, compare=False, default_factory=list[Client]
    )

    def __post_init__(self) -> None:
        self._terms()

    @property
    def identity(self) -> str:
        """The model's name and the extra fields; not where it is served, nor with which key."""
        extra = cast("dict[str, JSON]", dict(self.extra))
        return f"anthropic:{self.model}" + (f"+{canonical(extra)}" if extra else "")

    async def ask(self, request: Request) -> Reply:
        """The reply, after as many attempts as it needs and is allowed."""
        if request.prompt is not None:
            raise ModelError(
                f"anthropic: {self.model!r} answers messages and continues no plain prompts",
                fault="request",
            )
        if not self._clients:
            self._clients.append(Client(self._terms(), _headers))
        body = json.dumps(payload(request, model=self.model, extra=self.extra)).encode()
        return await self._clients[0].ask("messages", body, partial(read, request=request))

    async def close(self) -> None:
        """Closes the connections."""
        for client in self._clients:
            await client.close()

    def _terms(self) -> Terms:
        return Terms(
            kind="anthropic",
            url=self.url.rstrip("/").removesuffix("/messages"),
            model=self.model,
            key_env=self.key_env,
            concurrency=self.concurrency,
            timeout=self.timeout,
            retries=self.retries,
            deadline=self.deadline,
        )


def _headers(key: str) -> dict[str, str]:
    return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})
