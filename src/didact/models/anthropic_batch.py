"""Claude through the message batches API: half the price, answers within a day.

Asks that arrive together become one batch, which is handed in in one piece; when all of its
requests are done, the results come as lines. Requests, identity and replies are those of
``anthropic``, so a run may change from one to the other and asks nothing twice. What was submitted
is in a journal on disk (``journal``): a run that is killed and started again joins its batches. The
API takes no name for a batch: one whose id never reached the journal is recognised by its time, its
number of requests and, once it has ended, their ids. Cost: one call per request, plus the rows that
failed, at half the usual price.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from didact.batching.desk import Desk, Manner
from didact.batching.service import Batch, Look, Result, Row, Unconfirmed
from didact.batching.wire import Wire, members
from didact.calls import call_key
from didact.errors import ModelError
from didact.http.anthropic_messages import VERSION, payload, read
from didact.http.client import Terms
from didact.http.troubles import Trouble, judge
from didact.records import JSON, Reply, Request, canonical, operational

__all__ = ["AnthropicBatch"]

_MOST_BYTES = 240_000_000
"""The API takes 256 MB."""
_SKEW = 600
"""Seconds by which the provider's clock may differ from ours."""
_ON_ITS_WAY = 7200
"""Seconds that handing in may take, uploads on slow lines included."""
_STATUS = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402,
    "permission_error": 403, "not_found_error": 404, "request_too_large": 413,
    "rate_limit_error": 429, "api_error": 500, "timeout_error": 504, "overloaded_error": 529,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicBatch:
    """A Claude model behind the message batches API."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "schema"})
    half_price: ClassVar[bool] = True

    url: str = operational("https://api.anthropic.com/v1")
    """Address of the API, up to and with the version: .../v1."""
    model: str
    """The model's name, as the API knows it."""
    key_env: str | None = operational("ANTHROPIC_API_KEY")
    """Name of the environment variable that holds the key; the key itself is never written."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further fields of the request, as the API knows them; null leaves one of ours out."""
    journal: Path | None = operational(None)  # noqa: RUF009  (None does not change)
    """Folder of the record of what was submitted; ``.`` is the run file's own. Without it
    ~/.local/state/didact: set it where that does not outlive a restart, as in a container."""
    size: int = operational(10_000)
    """Most requests in a batch; the API takes 100,000."""
    quiet: float = operational(2.0)
    """Seconds without another request after which a batch is closed and submitted."""
    poll: float = operational(60.0)
    """Seconds between two looks at a batch, once it is some minutes old."""
    retries: int = operational(3)
    """Further batches that a request goes into after it came to nothing in one."""
    timeout: float = operational(120.0)
    """Seconds for one question to the server; handing in has more."""
    deadline: float = operational(108_000.0)
    """Seconds for one batch; the API ends it itself after 24 hours."""
    _desks: list[Desk] = field(init=False, repr=False, compare=False, default_factory=list[Desk])

    def __post_init__(self) -> None:
        self._manner()

    @property
    def identity(self) -> str:
        """That of ``anthropic`` with the same settings: the replies are the same."""
        extra = cast("dict[str, JSON]", dict(self.extra))
        return f"anthropic:{self.model}" + (f"+{canonical(extra)}" if extra else "")

    @property
    def width(self) -> int:
        """How many requests it would have under way at once."""
        return self.size

    async def ask(self, request: Request) -> Reply:
        """The reply, once the batch that the request is in has ended."""
        if request.prompt is not None:
            raise ModelError(
                f"anthropic-batch: {self.model!r} answers messages and continues no plain prompts",
                fault="request",
            )
        if not self._desks:
            self._desks.append(Desk(_Batches(Wire(self._terms(), _headers)), self._manner()))
        body = json.dumps(payload(request, model=self.model, extra=self.extra)).encode()
        row = Row(key=call_key(self.identity, request), path="messages", body=body)
        return await self._desks[0].ask(row, partial(read, request=request))

    async def close(self) -> None:
        """Stops waiting. What was submitted stays so, and the next run joins it."""
        for desk in self._desks:
            await desk.close()

    def _terms(self) -> Terms:
        return Terms(
            kind="anthropic-batch",
            url=self.url.rstrip("/"),
            model=self.model,
            key_env=self.key_env,
            concurrency=1,
            timeout=self.timeout,
            retries=5,
            deadline=self.deadline,
        )

    def _manner(self) -> Manner:
        return Manner(
            kind="anthropic-batch",
            place=self._terms().url,
            model=self.model,
            journal=self.journal,
            size=self.size,
            most_bytes=_MOST_BYTES,
            quiet=self.quiet,
            poll=self.poll,
            retries=self.retries,
            deadline=self.deadline,
        )


class _Batches:
    """Message batches in the API's words."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def submit(self, batch: Batch, rows: Sequence[Row]) -> str:
        """Hand all requests in at once."""
        del batch
        lines = [
            b'{"custom_id": "' + r.key.encode() + b'", "params": ' + r.body + b"}" for r in rows
        ]
        body = b'{"requests": [' + b",".join(lines) + b"]}"
        made = await self._wire.once("POST", "messages/batches", body=body)
        if not isinstance(made, Trouble):
            return str(made["id"])
        if made.kind == "transient" and not made.waiting:
            raise Unconfirmed(made.message)
        raise self._wire.error("messages/batches", made)

    async def find(self, batch: Batch, foreign: frozenset[str]) -> str | None:
        """The oldest batch of as many requests, made at the time, that is not told apart yet."""
        candidates: list[tuple[float, str]] = []
        after = ""
        while True:
            path = f"messages/batches?limit=100{after}"
            page = await self._wire.patiently("GET", path)
            if isinstance(page, Trouble):
                raise self._wire.error(path, page)
            listed = cast("list[dict[str, Any]]", page.get("data") or [])
            for one in listed:
                since = _seconds(one.get("created_at")) - batch.made
                rows = sum(int(n) for n in members(one.get("request_counts")).values())
                if -_SKEW < since < _ON_ITS_WAY and rows == batch.rows and one["id"] not in foreign:
                    candidates.append((since, str(one["id"])))
            old = not listed or _seconds(listed[-1].get("created_at")) < batch.made - _SKEW
            if old or not page.get("has_more"):
                return min(candidates)[1] if candidates else None
            after = f"&after_id={listed[-1]['id']}"

    async def look(self, batch: Batch) -> Look:
        """How far it is."""
        path = f"messages/batches/{batch.id}"
        found = await self._wire.patiently("GET", path)
        if isinstance(found, Trouble):
            if found.status == 404:
                return Look(state="lost", said="unknown")
            raise self._wire.error(path, found)
        said = str(found.get("processing_status"))
        counts = members(found.get("request_counts"))
        done = sum(int(n) for state, n in counts.items() if state != "processing")
        return Look(
            state="ended" if said == "ended" else "working",
            said=said,
            done=done,
            cancelled=bool(found.get("cancel_initiated_at")),
        )

    async def results(self, batch: Batch, look: Look) -> AsyncIterator[Result]:
        """What became of every request."""
        del look
        # Not the results_url of the answer: the key goes to no address but the configured one.
        async for row in self._wire.rows(f"messages/batches/{batch.id}/results"):
            yield _result(row)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()


def _result(row: Mapping[str, Any]) -> Result:
    key, result = str(row.get("custom_id")), members(row.get("result"))
    kind = result.get("type")
    if kind == "succeeded":
        return Result(key, members(result.get("message")))
    if kind in ("expired", "canceled"):
        return Result(key, Trouble(kind="transient", message=f"the batch was {kind}"))
    error = members(result.get("error")) or {"message": f"a result of type {kind!r}"}
    inner = members(error.get("error")) or error
    status = _STATUS.get(str(inner.get("type")), 500)
    return Result(key, judge(status, json.dumps({"error": inner}).encode(), {}))


def _seconds(stated: object) -> float:
    """A time of the API in seconds since 1970; 0 where it is none."""
    try:
        return datetime.fromisoformat(str(stated)).timestamp()
    except ValueError:
        return 0.0


def _headers(key: str) -> dict[str, str]:
    return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})
