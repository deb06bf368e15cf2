"""Carrying bytes to a batch API and back, with patience and without showing the key.

Small questions are asked again after trouble that may pass. Handing a batch in is not: whether it
arrived is not known after a broken connection, so whoever does that gets the trouble and looks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from didact.errors import ConfigError, CredentialsError, ModelError
from didact.http.client import Terms, proxy_for
from didact.http.keys import NO_KEY, Key
from didact.http.troubles import Trouble, judge
from didact.http.waits import WAITS

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Wire", "members"]

_SLOWEST = 100_000
"""Bytes per second that an upload is given time for."""


class Wire:
    """The connection to one provider; of one event loop at a time."""

    def __init__(self, terms: Terms, headers: Callable[[str], Mapping[str, str]]) -> None:
        self.terms = terms
        self._headers = headers
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._key = NO_KEY

    async def once(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        body: bytes | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> dict[str, Any] | Trouble:
        """One attempt: the JSON of the answer, or what came instead. ``file`` is uploaded."""
        import aiohttp

        session = self._open()
        size = len(body or b"") + len(file[1] if file else b"")
        data: bytes | aiohttp.FormData | None = body
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if file is not None:
            data = aiohttp.FormData()
            data.add_field("purpose", "batch")
            data.add_field("file", file[1], filename=file[0], content_type="application/jsonl")
        timeout = aiohttp.ClientTimeout(total=self.terms.timeout + size / _SLOWEST)
        try:
            async with session.request(
                method,
                self._address(path),
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                content = self._key.wash(await response.read())
        except TimeoutError:
            return Trouble(kind="transient", message="no answer in time", dead=True)
        except aiohttp.InvalidURL as error:
            raise ConfigError(f"{self.terms.kind}: url {self.terms.url!r} is no address") from error
        except (aiohttp.ClientError, OSError) as error:
            return self._broken(error)
        if response.status != 200:
            return judge(response.status, content, response.headers)
        found = _object(content)
        if not found:
            start = content[:200].decode("utf-8", "replace")
            return Trouble(kind="transient", message=f"no JSON object: {start!r}", status=200)
        return found

    async def patiently(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        file: tuple[str, bytes] | None = None,
    ) -> dict[str, Any] | Trouble:
        """Attempts until there is an answer, or trouble that stays, or no attempt is left.

        For what may be asked twice: an uploaded file costs nothing.
        """
        attempt = 0
        while True:
            outcome = await self.once(method, path, file=file)
            if not isinstance(outcome, Trouble) or outcome.kind != "transient":
                return outcome
            if attempt >= self.terms.retries:
                return outcome
            await asyncio.sleep(outcome.after + WAITS.jitter(attempt))
            attempt += 1

    async def rows(self, path: str) -> AsyncGenerator[dict[str, Any], None]:
        """The objects in the lines of a file, as they arrive; ModelError where it breaks off."""
        import aiohttp

        session = self._open()
        # Results may be hundreds of megabytes: the time limit is on silence, not on the whole.
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self.terms.timeout)
        rest = b""
        try:
            async with session.get(
                self._address(path), allow_redirects=False, timeout=timeout
            ) as response:
                if response.status != 200:
                    content = self._key.wash(await response.read())
                    raise self.error(path, judge(response.status, content, response.headers))
                async for chunk in response.content.iter_chunked(1 << 16):
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield _object(self._key.wash(line))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self.error(path, self._broken(error)) from error
        yield _object(self._key.wash(rest))

    def error(self, path: str, trouble: Trouble) -> ModelError | CredentialsError:
        """The trouble as an error, with the address and without the key."""
        status = f"{trouble.status}: " if trouble.status else ""
        where = f"{self.terms.url.rstrip('/')}/{path}: {status}"
        if trouble.kind == "credentials":
            key_env = self.terms.key_env
            named = f"the key in {key_env}" if key_env else "a request without a key"
            advice = "" if key_env else "; name its environment variable with key_env"
            return CredentialsError(
                f"{where}the server refuses {named}{advice}: {trouble.message} (what was submitted"
                " is in the journal: set this right and run the same command to continue)"
            )
        return ModelError(
            f"{where}{trouble.message}",
            retryable=trouble.kind == "transient",
            status=trouble.status,
            fault=trouble.kind,
        )

    async def close(self) -> None:
        """Close the connections. Asking again opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is not None and self._loop is loop:
            return self._session
        import aiohttp

        terms = self.terms
        self._key = Key.read(terms.key_env, asked_by=f"{terms.kind} {terms.model!r}")
        if self._session is not None and self._session.connector is not None:
            # Its loop is gone, and with it whoever would have closed it.
            self._session.connector.close()
            self._session.detach()
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=dict(self._headers(self._key.value)),
            proxy=proxy_for(terms.url),
        )
        self._loop = loop
        return self._session

    def _address(self, path: str) -> str:
        return f"{self.terms.url.rstrip('/')}/{path}"

    def _broken(self, error: Exception) -> Trouble:
        message = self._key.wash_text(str(error) or type(error).__name__)
        return Trouble(kind="transient", message=message, dead=True)


def members(value: object) -> dict[str, Any]:
    """The members of a JSON object from outside; none where the value is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _object(text: bytes) -> dict[str, Any]:
    """The JSON object in a text; an empty one where there is none, and so nobody's result."""
    try:
        return members(json.loads(text))
    except (ValueError, RecursionError):
        return {}
