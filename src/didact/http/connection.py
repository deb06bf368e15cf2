"""One connection of HTTP/1.1, as far as asking a model needs it: POST a body, read the answer.

Written here because a general client spends three quarters of a request's processor time on what
is not needed: measured on one core, 0.5 against 2.0 seconds for 10,000 requests on aiohttp
(``benchmarks/providers.py``). Bodies come by length, in chunks, or until the server closes;
whatever else is no HTTP is an error, never a guess. Requests through a proxy go through aiohttp
(``senders.py``).
"""

from __future__ import annotations

import asyncio
import zlib
from typing import NamedTuple, cast

__all__ = ["Answer", "Connection"]

_LONGEST_HEAD = 65_536


class Answer(NamedTuple):
    """What a server sent back."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of repeated ones the last."""
    body: bytes


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time."""

    def __init__(self) -> None:
        self.usable = False
        """Whether another request can be sent."""
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._held = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._head: tuple[int, dict[str, str]] | None = None
        self._length: int | None = None
        self._chunked = False
        self._chunks: list[bytes] = []
        self._keep = True

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a whole request; the future is its answer, or an OSError."""
        assert self._transport is not None
        assert self._waiting is None
        self._waiting = asyncio.get_running_loop().create_future()
        self._begin()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Let go of it, whatever is under way."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The server took the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self.usable = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: the end of a body without a length, an error for any other."""
        self.usable = False
        head = self._head
        if self._waiting is None:
            return
        if head is not None and self._length is None and not self._chunked and exc is None:
            self._finish(bytes(self._held))
            return
        where = "before it answered" if not self._held and head is None else "amid its answer"
        self._fail(f"the server closed the connection {where}" + (f" ({exc})" if exc else ""))

    def data_received(self, data: bytes) -> None:
        """Some of the answer."""
        self._held += data
        if self._waiting is None:
            # Nobody asked: whatever it is, it is no answer to the next request.
            self.close()
            return
        try:
            self._read()
        except (ValueError, IndexError, zlib.error) as error:
            self._fail(f"the server does not speak HTTP/1.1 ({error})")

    def _read(self) -> None:
        while self._head is None:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                if len(self._held) > _LONGEST_HEAD:
                    raise ValueError("the head of its answer does not end")
                return
            head = bytes(self._held[:end])
            del self._held[: end + 4]
            self._read_head(head.decode("latin-1"))
        if self._chunked:
            self._read_chunks()
        elif self._length is not None and len(self._held) >= self._length:
            body = bytes(self._held[: self._length])
            del self._held[: self._length]
            self._finish(body)

    def _read_head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        version, status, *_ = first.split(" ", 2)
        if version not in ("HTTP/1.1", "HTTP/1.0") or len(status) != 3:
            raise ValueError(f"it begins with {first[:60]!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"a header without a colon: {line[:60]!r}")
            headers[name.strip().lower()] = value.strip()
        if 100 <= int(status) < 200:
            return  # tells only that the answer comes
        self._head = (int(status), headers)
        self._keep = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
        coding = headers.get("transfer-encoding", "").lower()
        self._chunked = coding.endswith("chunked")
        if coding and coding != "chunked":
            raise ValueError(f"a body in {coding!r}")
        if self._chunked:
            return
        if status in ("204", "304"):
            self._length = 0
        elif "content-length" in headers:
            stated = headers["content-length"]
            if not (stated.isascii() and stated.isdecimal()):
                raise ValueError(f"a body of length {stated[:20]!r}")
            self._length = int(stated)

    def _read_chunks(self) -> None:
        while True:
            end = self._held.find(b"\r\n")
            if end < 0:
                return
            size = int(bytes(self._held[:end]).split(b";")[0].strip(), 16)
            if size < 0:
                raise ValueError("a chunk of negative size")
            if size == 0:
                # Trailers, if any, and an empty line.
                last = self._held.find(b"\r\n\r\n", end)
                if last < 0:
                    return
                del self._held[: last + 4]
                self._finish(b"".join(self._chunks))
                return
            if len(self._held) < end + 2 + size + 2:
                return
            body = end + 2
            self._chunks.append(bytes(self._held[body : body + size]))
            if not self._held.startswith(b"\r\n", body + size):
                raise ValueError("a chunk that is longer than it says")
            del self._held[: body + size + 2]

    def _finish(self, body: bytes) -> None:
        assert self._head is not None
        status, headers = self._head
        if coding := headers.get("content-encoding", "").lower():
            body = _unpacked(body, coding)
        waiting, self._waiting = self._waiting, None
        if self._held or not self._keep:
            self.close()
        if waiting is not None and not waiting.done():
            waiting.set_result(Answer(status, headers, body))

    def _fail(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionError(reason))


def _unpacked(body: bytes, coding: str) -> bytes:
    """None was asked for; some gateways pack all the same."""
    if coding in ("gzip", "deflate"):
        return zlib.decompress(body, wbits=zlib.MAX_WBITS | 32)
    if coding == "identity":
        return body
    raise ValueError(f"a body in {coding!r}")
