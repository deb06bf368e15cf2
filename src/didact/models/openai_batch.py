"""The batch API of OpenAI, and of servers that copy it: half the price, answers within a day.

Asks that arrive together become one batch: a JSONL file of requests is uploaded and a batch made of
it; finished answers come in one file and failed ones in another. Requests, identity and replies are
those of ``openai``, so a run may change from one to the other and asks nothing twice. What was
submitted is in a journal on disk (``journal``): a run that is killed and started again joins its
batches. A recipe that feeds replies back waits for a batch in every round; make its width large.
Cost: one call per request, plus the rows that failed; most providers ask half the usual price.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

from didact.batching.desk import Desk, Manner
from didact.batching.service import Batch, Look, Result, Row, Unconfirmed
from didact.batching.wire import Wire, members
from didact.calls import call_key
from didact.errors import ConfigError, ModelError
from didact.http.chat_completions import path_of, payload, read_chat, read_completion
from didact.http.client import Terms
from didact.http.troubles import Trouble, judge
from didact.records import JSON, Reply, Request, canonical, operational

__all__ = ["OpenAIBatch"]

_MOST_BYTES = 190_000_000
"""OpenAI takes files of 200 MB."""
_SKEW = 600
"""Seconds by which the provider's clock may differ from ours."""


class _Live:
    """What a component knows once it was asked."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.limit_name = "max_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIBatch:
    """A model behind the batch API of OpenAI or a server that copies it."""

    half_price: ClassVar[bool] = True

    url: str = operational("https://api.openai.com/v1")
    """Address of the server, up to and with the version: .../v1."""
    model: str
    """The model's name, as the server knows it."""
    key_env: str | None = operational("OPENAI_API_KEY")
    """Name of the environment variable that holds the key; the key itself is never written."""
    logprobs: bool = False
    """Ask for the log-probabilities of the reply's tokens."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further fields of the request, as the server knows them; null leaves one of ours out."""
    journal: Path | None = operational(None)  # noqa: RUF009  (None does not change)
    """Folder of the record of what was submitted; ``.`` is the run file's own. Without it
    ~/.local/state/didact: set it where that does not outlive a restart, as in a container."""
    size: int = operational(10_000)
    """Most requests in a batch; OpenAI takes 50,000."""
    quiet: float = operational(2.0)
    """Seconds without another request after which a batch is closed and submitted."""
    poll: float = operational(60.0)
    """Seconds between two looks at a batch, once it is some minutes old."""
    retries: int = operational(3)
    """Further batches that a request goes into after it came to nothing in one."""
    timeout: float = operational(120.0)
    """Seconds for one question to the server; uploads have more."""
    deadline: float = operational(108_000.0)
    """Seconds for one batch; providers promise 24 hours and then end it themselves."""
    window: str = operational("24h")
    """The time that the provider is given, in its own words."""
    _live: _Live = field(init=False, repr=False, compare=False, default_factory=_Live)

    def __post_init__(self) -> None:
        self._manner()
        if self.extra.get("n") not in (None, 1):
            raise ConfigError("openai-batch: extra.n asks for replies that would be lost")

    @property
    def identity(self) -> str:
        """That of ``openai`` with the same settings: the replies are the same."""
        extra = cast("dict[str, JSON]", dict(self.extra))
        if self.logprobs:
            extra = {**extra, "logprobs": True}
        return f"openai:{self.model}" + (f"+{canonical(extra)}" if extra else "")

    @property
    def capabilities(self) -> frozenset[str]:
        """Both forms and schemas, where the server has them; log-probabilities when asked for."""
        asked_for = self.logprobs or bool(self.extra.get("logprobs"))
        return frozenset({"chat", "completion", "schema"} | ({"logprobs"} if asked_for else set()))

    @property
    def width(self) -> int:
        """How many requests it would have under way at once."""
        return self.size

    async def ask(self, request: Request) -> Reply:
        """The reply, once the batch that the request is in has ended."""
        live = self._live
        if live.desk is None:
            live.desk = Desk(_Batches(Wire(self._terms(), _headers), self.window), self._manner())
        read = read_chat if request.prompt is None else read_completion
        name = live.limit_name
        try:
            return await live.desk.ask(self._row(request, name), read)
        except ModelError as error:
            # OpenAI's newer models; a refused request costs nothing.
            if error.fault != "request" or "max_completion_tokens" not in str(error):
                raise
            if name != "max_tokens" or "max_completion_tokens" in self.extra:
                raise
        live.limit_name = "max_completion_tokens"
        return await live.desk.ask(self._row(request, live.limit_name), read)

    async def close(self) -> None:
        """Stops waiting. What was submitted stays so, and the next run joins it."""
        if self._live.desk is not None:
            await self._live.desk.close()

    def _row(self, request: Request, limit_name: str) -> Row:
        body = payload(
            request,
            model=self.model,
            logprobs=self.logprobs,
            extra=self.extra,
            limit_name=limit_name,
        )
        key = call_key(self.identity, request)
        return Row(key=key, path=path_of(request), body=json.dumps(body).encode())

    def _terms(self) -> Terms:
        return Terms(
            kind="openai-batch",
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
            kind="openai-batch",
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
    """Files and batches in OpenAI's words."""

    def __init__(self, wire: Wire, window: str) -> None:
        self._wire = wire
        self._window = window

    async def submit(self, batch: Batch, rows: Sequence[Row]) -> str:
        """Upload the requests, then make a batch of the file."""
        endpoint = f"/v1/{rows[0].path}"
        content = b"".join(_line(row, endpoint) for row in rows)
        file = (f"{batch.name}.jsonl", content)
        uploaded = await self._wire.patiently("POST", "files", file=file)
        if isinstance(uploaded, Trouble):
            raise self._wire.error("files", uploaded)
        body = {
            "input_file_id": uploaded["id"],
            "endpoint": endpoint,
            "completion_window": self._window,
            # Names the batch, so that it is found again if its id never reaches the journal.
            "metadata": {"didact": batch.name},
        }
        made = await self._wire.once("POST", "batches", body=json.dumps(body).encode())
        if not isinstance(made, Trouble):
            return str(made["id"])
        if made.kind == "transient" and not made.waiting:
            raise Unconfirmed(made.message)
        raise self._wire.error("batches", made)

    async def find(self, batch: Batch, foreign: frozenset[str]) -> str | None:
        """The batch that bears our name."""
        del foreign
        after = ""
        while True:
            path = f"batches?limit=100{after}"
            page = await self._wire.patiently("GET", path)
            if isinstance(page, Trouble):
                raise self._wire.error(path, page)
            listed = cast("list[dict[str, Any]]", page.get("data") or [])
            for one in listed:
                if members(one.get("metadata")).get("didact") == batch.name:
                    return str(one["id"])
            old = listed and (listed[-1].get("created_at") or 0) < batch.made - _SKEW
            if not listed or old or not page.get("has_more"):
                return None
            after = f"&after={listed[-1]['id']}"

    async def look(self, batch: Batch) -> Look:
        """How far it is; ``handle`` names the files of answers and of failures."""
        path = f"batches/{batch.id}"
        found = await self._wire.patiently("GET", path)
        if isinstance(found, Trouble):
            if found.status == 404:
                return Look(state="lost", said="unknown")
            raise self._wire.error(path, found)
        status = str(found.get("status"))
        done = int(members(found.get("request_counts")).get("completed") or 0)
        files = [found.get("output_file_id"), found.get("error_file_id")]
        handle = " ".join(str(file) for file in files if file)
        if status == "failed":
            return _failed(found)
        ended = status in ("completed", "expired", "cancelled")
        if ended and done and not handle:
            # Counted, and the files are not there yet.
            ended = False
        return Look(
            state="ended" if ended else "working",
            said=status,
            done=done,
            cancelled=status == "cancelled",
            handle=handle,
        )

    async def results(self, batch: Batch, look: Look) -> AsyncIterator[Result]:
        """The answers and the failures."""
        del batch
        for file in look.handle.split():
            async for row in self._wire.rows(f"files/{file}/content"):
                yield _result(row)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()


def _line(row: Row, endpoint: str) -> bytes:
    head = json.dumps({"custom_id": row.key, "method": "POST", "url": endpoint})
    return head[:-1].encode() + b', "body": ' + row.body + b"}\n"


def _failed(found: Mapping[str, Any]) -> Look:
    """A batch that was refused: why, and which of its lines were at fault."""
    errors = cast("list[dict[str, Any]]", members(found.get("errors")).get("data") or [])
    wrong = {int(e["line"]) - 1: _trouble(e) for e in errors if e.get("line")}
    first = errors[0] if errors else {"message": "the batch failed without a reason"}
    said = " ".join(f"{error.get('code')} {error.get('message')}" for error in errors).lower()
    too_big = "token_limit_exceeded" in said or "enqueued token" in said
    trouble = _trouble(first)
    return Look(state="failed", said="failed", trouble=trouble, wrong=wrong, too_big=too_big)


def _result(row: Mapping[str, Any]) -> Result:
    key = str(row.get("custom_id"))
    response = members(row.get("response"))
    status, body = int(response.get("status_code") or 0), members(response.get("body"))
    if status == 200 and body:
        return Result(key, body)
    error = members(row.get("error"))
    if str(error.get("code")) in ("batch_expired", "batch_cancelled"):
        return Result(key, Trouble(kind="transient", message=str(error.get("message"))))
    if not status:
        return Result(key, _trouble(error or {"message": "neither an answer nor an error"}))
    return Result(key, judge(status, json.dumps(body or {"error": error}).encode(), {}))


def _trouble(error: Mapping[str, Any]) -> Trouble:
    """An error without a status: what its words say, else a fault of the request."""
    return judge(400, json.dumps({"error": dict(error)}).encode(), {})


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
