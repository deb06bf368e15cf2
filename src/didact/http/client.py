"""The life of a request: its turn, its attempts, the waits between them, its end.

The usual clients spend most of their time in their own connection pools at a few hundred requests
in flight; here what is the same for all requests (address, headers, key, the clock) is made once,
and connections are our own (``senders.py``). What may pass is tried again with full jitter: a rate
limit as long as the deadline allows, anything else at most ``retries`` times while the provider is
up. Cost: one call per request, plus the attempts that came to nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import urlsplit

from didact.errors import ConfigError, CredentialsError, Fault, ModelError
from didact.http.keys import NO_KEY, Key
from didact.http.lane import PROBE, Lane
from didact.http.notices import say
from didact.http.overdue import Overdue
from didact.http.provider import Provider
from didact.http.senders import Direct, Proxied, Sender, proxy_for
from didact.http.troubles import Trouble, judge
from didact.http.waits import WAITS
from didact.records import Reply

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["Client", "Reading", "Terms", "Unreadable", "proxy_for"]

Reading: TypeAlias = Callable[[Mapping[str, Any]], Reply]
"""Makes a reply of a server's JSON; any exception of reading means that there is none in it."""

_NOT_TAKEN = re.compile(r"unsupported|deprecated|not support|cannot both|unrecognized", re.I)

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "didact",
}


class Unreadable(ValueError):
    """A body that is JSON but holds no answer; says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a server is asked."""

    kind: str
    """Name of the component, for messages."""
    url: str
    model: str
    key_env: str | None
    concurrency: int
    timeout: float
    retries: int
    deadline: float

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                f"{self.kind}: url {self.url!r} must begin with http:// or https:// and a host"
            )
        if parts.username or parts.password:
            raise ConfigError(
                f"{self.kind}: the url holds a password, which would be written into run.yaml;"
                " put the key into an environment variable and name it with key_env"
            )
        if self.concurrency < 1 or self.retries < 0 or self.timeout <= 0 or self.deadline <= 0:
            raise ConfigError(
                f"{self.kind}: concurrency must be at least 1, retries at least 0, "
                "timeout and deadline above 0"
            )


class Client:
    """Asks one model of one provider. Holds the connections of one event loop at a time."""

    def __init__(self, terms: Terms, headers: Callable[[str], Mapping[str, str]]) -> None:
        self._terms = terms
        self._headers = headers
        self._host = urlsplit(terms.url).netloc
        self._sender: Sender | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._addresses: dict[str, URL] = {}
        self._key = NO_KEY
        self._served: list[str] = []

    async def ask(self, path: str, body: bytes, read: Reading) -> Reply:
        """The reply; ModelError when there is none to be had, CredentialsError when to stop."""
        terms = self._terms
        if (stale := self._open()) is not None:
            await stale.close()
        provider, lane = self._provider, self._lane
        left, failures, attempts = terms.deadline, 0, 0
        provider.begin()
        try:
            while True:
                # Waiting for one's turn does not count: a long queue is no fault.
                ticket = await lane.enter(again=failures > 0)
                start = time.monotonic()
                try:
                    outcome = await self._attempt(path, body, read, limit=min(terms.timeout, left))
                except BaseException:
                    lane.abandon(ticket)
                    raise
                if isinstance(outcome, Reply):
                    lane.leave(ticket, None)
                    if outcome.model not in self._served:
                        self._serve(outcome.model)
                    return outcome
                if outcome.kind == "credentials":
                    # Before the next one in the queue is sent with the same key.
                    lane.deny(self._denied(path, outcome))
                lane.leave(ticket, outcome)
                failures += 1
                # A rate limit, a probe, a server that fails everybody: all say nothing about this.
                attempts += not (outcome.waiting or ticket == PROBE or provider.fails(outcome))
                wait = outcome.after + WAITS.jitter(failures - 1)
                left -= time.monotonic() - start + wait
                if outcome.kind == "refused":
                    return Reply(text=outcome.message, finish="refused", model=terms.model)
                if outcome.kind != "transient" or attempts > terms.retries or left <= 0:
                    raise self._error(path, outcome)
                await asyncio.sleep(wait)
        finally:
            provider.end()

    async def close(self) -> None:
        """Close the connections. Asking again opens new ones."""
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender.close()

    def _open(self) -> Sender | None:
        """What belongs to the running loop; the sender of a loop that is gone, to be closed."""
        loop = asyncio.get_running_loop()
        if self._sender is not None and self._loop is loop:
            return None
        terms = self._terms
        self._key = Key.read(terms.key_env, asked_by=f"{terms.kind} {terms.model!r}")
        stale = self._sender
        headers = {**_HEADERS, **self._headers(self._key.value)}
        proxy = proxy_for(terms.url)
        self._sender = Proxied(headers, proxy) if proxy else Direct(headers)
        self._loop = loop
        self._overdue = Overdue(min(terms.timeout, terms.deadline))
        self._provider = Provider.at(self._host)
        self._lane: Lane = self._provider.lane(
            (terms.model, terms.key_env), cap=terms.concurrency, patience=terms.deadline
        )
        return stale

    def _address(self, path: str) -> URL:
        address = self._addresses.get(path)
        if address is None:
            from yarl import URL

            try:
                root = URL(self._terms.url)
                address = root.with_path(f"{root.path.rstrip('/')}/{path}", keep_query=True)
            except ValueError as error:
                raise ConfigError(
                    f"{self._terms.kind}: url {self._terms.url!r} is no address"
                ) from error
            self._addresses[path] = address
        return address

    async def _attempt(
        self, path: str, body: bytes, read: Reading, *, limit: float
    ) -> Reply | Trouble:
        assert self._sender is not None
        address = self._address(path)
        try:
            with self._overdue.within(limit):
                answer = await self._sender.post(address, body)
        except TimeoutError:
            message = f"no answer within {limit:g} s"
            return Trouble(kind="transient", message=message, crowded=True, dead=True)
        except OSError as error:
            message = self._key.wash_text(str(error) or type(error).__name__)
            return Trouble(kind="transient", message=message, dead=True)
        content = self._key.wash(answer.body)
        if answer.status != 200:
            return judge(answer.status, content, answer.headers)
        return _read(content, read)

    def _serve(self, name: str) -> None:
        """The server has a name of its own for what answers: another one is another model."""
        if self._served:
            was = self._served[-1]
            say(self._host, "changed", f"{self._terms.model!r} answers as {name!r}, was {was!r}")
        self._served.append(name)

    def _error(self, path: str, trouble: Trouble) -> ModelError | CredentialsError:
        if trouble.kind == "credentials":
            return self._denied(path, trouble)
        message = self._where(path, trouble) + trouble.message
        if trouble.status in (400, 422) and _NOT_TAKEN.search(trouble.message):
            message += " (extra: {NAME: null} leaves a field out)"
        if trouble.status == 404:
            model = self._terms.model
            message += f" (is {model!r} served there, and does the url end in /v1 or the like?)"
        fault: Fault = trouble.kind
        if trouble.kind == "transient" and self._provider.state != "up":
            fault = "down"
        return ModelError(
            message, retryable=trouble.kind == "transient", status=trouble.status, fault=fault
        )

    def _denied(self, path: str, trouble: Trouble) -> CredentialsError:
        key_env = self._terms.key_env
        named = f"the key in {key_env}" if key_env else "a request without a key"
        advice = "" if key_env else "; name its environment variable with key_env"
        return CredentialsError(
            f"{self._where(path, trouble)}the server refuses {named}{advice}: {trouble.message}"
            " (what was answered is in the call log: set this right and run the same command to"
            " continue)"
        )

    def _where(self, path: str, trouble: Trouble) -> str:
        status = f"{trouble.status}: " if trouble.status else ""
        return f"{self._terms.url.rstrip('/')}/{path}: {status}"


def _read(content: bytes, read: Reading) -> Reply | Trouble:
    try:
        data = json.loads(content)
        if "error" in data and data["error"] and not data.get("choices"):
            # Some gateways put the error of whom they ask into a 200.
            error: Any = data["error"]
            code: Any = cast("dict[str, Any]", error).get("code") if type(error) is dict else None
            known = isinstance(code, int) and 400 <= code < 600
            return judge(code if known else 502, content, {})
        return read(data)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        reason = str(error) if isinstance(error, Unreadable) else "not a completion"
        start = content[:200].decode("utf-8", "replace")
        return Trouble(kind="transient", message=f"{reason}: {start!r}", status=200)
