"""Sends a request and brings its answer: over connections of its own, or through a proxy.

``Direct`` keeps a connection for each request under way and uses it again. ``Proxied`` goes through
aiohttp, which knows how to speak to proxies. Neither limits how many are under way (the lane does)
nor for how long (the clock does), and neither tries anything again.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from didact.http.connection import Answer, Connection

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["Direct", "Proxied", "Sender", "proxy_for"]

_IDLE = 15.0
"""Seconds after which a connection is not used again: the server may be about to close it."""


class Sender(Protocol):
    """Who sends."""

    async def post(self, address: URL, body: bytes) -> Answer:
        """The answer, whatever its status; OSError where there is none."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class Direct:
    """Connections of its own to one server."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._heads: dict[URL, str] = {}
        self._idle: list[Connection] = []
        self._tls: ssl.SSLContext | None = None

    async def post(self, address: URL, body: bytes) -> Answer:
        """The answer; OSError where there is none."""
        head = self._heads.get(address) or self._head(address)
        connection = self._at_hand() or await self._connect(address)
        try:
            answer = await connection.send(f"{head}{len(body)}\r\n\r\n".encode("latin-1") + body)
        except BaseException:
            connection.close()
            raise
        if connection.usable:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        return answer

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()
        # The transports say goodbye in the loop's next rounds.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _head(self, address: URL) -> str:
        head = (
            f"POST {address.raw_path_qs} HTTP/1.1\r\nHost: {address.raw_authority}\r\n"
            f"{self._headers}Content-Length: "
        )
        self._heads[address] = head
        return head

    def _at_hand(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and time.monotonic() - connection.idle_since < _IDLE:
                return connection
            connection.close()
        return None

    async def _connect(self, address: URL) -> Connection:
        secure = address.scheme == "https"
        host = address.raw_host
        assert host is not None
        assert address.port is not None
        # One address needs no race between IPv6 and IPv4.
        numeric = ":" in host or host.replace(".", "").isdigit()
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection,
            host,
            address.port,
            ssl=self._tls if secure else None,
            happy_eyeballs_delay=None if numeric else 0.25,
        )
        return connection


class Proxied:
    """Through a proxy."""

    def __init__(self, headers: Mapping[str, str], proxy: str) -> None:
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
            proxy=proxy,
        )

    async def post(self, address: URL, body: bytes) -> Answer:
        """The answer; OSError where there is none."""
        import aiohttp

        try:
            async with self._session.post(address, data=body, allow_redirects=False) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await response.read())
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for the address; none for this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)
