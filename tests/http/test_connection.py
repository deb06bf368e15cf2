"""Answers of every form that HTTP/1.1 allows, however they are cut on their way."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from didact.http.connection import Answer, Connection
from didact.http.senders import Direct, Proxied, proxy_for

BODY = b'{"text": "h\xc3\xa9llo"}'
PACKED = gzip.compress(BODY)
FORMS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-A: 1\r\n\r\n%s" % (len(BODY), BODY),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n%s\r\n"
    b"a;x=1\r\n%s\r\n3\r\n%s\r\n0\r\n\r\n" % (BODY[:5], BODY[5:15], BODY[15:18]),
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n12\r\n%s\r\n0\r\nA: b\r\n"
    b"C: d\r\n\r\n" % BODY,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s"
    % (len(BODY), BODY),
    "packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(PACKED), PACKED),
    "close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (len(BODY), BODY),
    "no reason": b"HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
}  # fmt: skip


class Wire(asyncio.Transport):
    """A transport that only remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


def fed(content: bytes, cuts: list[int], *, then_closed: bool = False) -> tuple[Any, Connection]:
    """What the connection makes of an answer that comes in these pieces."""

    async def within() -> tuple[Any, Connection]:
        connection = Connection()
        connection.connection_made(Wire())
        waiting = connection.send(b"POST")
        ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
        start = 0
        for end in ends:
            connection.data_received(content[start:end])
            start = end
        if then_closed:
            connection.connection_lost(None)
        if not waiting.done():
            return None, connection
        return waiting.exception() or waiting.result(), connection

    return asyncio.run(within())


@settings(max_examples=60, deadline=None)
@given(form=st.sampled_from(sorted(FORMS)), cuts=st.lists(st.integers(1, 200), max_size=12))
def test_an_answer_is_the_same_however_it_is_cut(form: str, cuts: list[int]) -> None:
    answer, connection = fed(FORMS[form], cuts)
    assert isinstance(answer, Answer), answer
    assert (answer.status, answer.body) == (200, BODY)
    assert connection.usable == (form != "close")


@settings(max_examples=60, deadline=None)
@given(form=st.sampled_from(sorted(FORMS)), at=st.integers(0, 300))
def test_half_an_answer_is_none_and_an_error_once_the_server_is_gone(form: str, at: int) -> None:
    whole = FORMS[form]
    half = whole[: min(at, len(whole) - 1)]
    assert fed(half, [])[0] is None
    lost, connection = fed(half, [], then_closed=True)
    assert isinstance(lost, ConnectionError)
    assert not connection.usable


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    answer, connection = fed(b"HTTP/1.1 200 OK\r\n\r\nto the end", [20], then_closed=True)
    assert answer.body == b"to the end"
    assert not connection.usable


@pytest.mark.parametrize(
    "content",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"x" * 70_000,
    ],
)
def test_what_is_no_http_is_an_error_and_never_a_guess(content: bytes) -> None:
    error, connection = fed(content, [])
    assert isinstance(error, ConnectionError)
    assert "HTTP" in str(error)
    assert not connection.usable


def test_more_than_the_answer_makes_a_connection_unusable() -> None:
    answer, connection = fed(FORMS["length"] + b"HTTP/1.1 200 OK\r\n", [])
    assert answer.body == BODY
    assert not connection.usable


def served(handle: Callable[[web.Request], Any], ask: Callable[[URL], Any], **options: Any) -> Any:
    async def within() -> Any:
        app = web.Application()
        app.router.add_post("/{path:.*}", handle)
        async with TestServer(app, host="127.0.0.1", **options) as server:
            return await ask(server.make_url("/v1/x?a=b"))

    return asyncio.run(within())


def test_a_request_arrives_whole_and_connections_are_used_again() -> None:
    seen: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        peer = request.transport and request.transport.get_extra_info("peername")
        seen.append((request.path_qs, request.headers["X-Key"], await request.read(), peer))
        return web.Response(body=b"ok" * 50_000, headers={"Retry-After": "1"})

    async def ask(url: URL) -> None:
        sender = Direct({"X-Key": "k"})
        for number in range(3):
            answer = await sender.post(url, b"body%d" % number)
            assert (answer.status, len(answer.body)) == (200, 100_000)
            assert answer.headers["retry-after"] == "1"
        await asyncio.gather(*[sender.post(url, b"") for _ in range(5)])
        await sender.close()

    served(handle, ask)
    assert [row[:3] for row in seen[:3]] == [("/v1/x?a=b", "k", b"body%d" % n) for n in range(3)]
    assert len({peer for *_, peer in seen[:3]}) == 1
    assert len({peer for *_, peer in seen[3:]}) == 5


def test_a_cancelled_request_takes_its_connection_with_it() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2 if (await request.read()) == b"slow" else 0)
        return web.Response(body=await request.read())

    async def ask(url: URL) -> None:
        sender = Direct({})
        await sender.post(url, b"warm")
        asking = asyncio.create_task(sender.post(url, b"slow"))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert (await sender.post(url, b"next")).body == b"next"
        await sender.close()

    served(handle, ask)


def test_a_server_that_closes_idle_connections_is_connected_to_again() -> None:
    async def handle(request: web.Request) -> web.Response:
        response = web.Response(body=b"ok")
        transport = request.transport
        assert transport is not None
        asyncio.get_running_loop().call_later(0.05, transport.close)
        return response

    async def ask(url: URL) -> None:
        sender = Direct({})
        for _ in range(3):
            assert (await sender.post(url, b"")).body == b"ok"
            await asyncio.sleep(0.1)
        await sender.close()

    served(handle, ask)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody trusts, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    alternative = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(made)]
    subprocess.run([*command.split(), *alternative, *files], check=True, capture_output=True)
    return made, key


def test_tls_is_used_and_a_certificate_that_nobody_trusts_is_refused(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(*certificate)

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=b"secret")

    def asked() -> Any:
        async def within() -> Any:
            app = web.Application()
            app.router.add_post("/{path:.*}", handle)
            server = TestServer(app, host="127.0.0.1", scheme="https")
            await server.start_server(ssl=own)
            sender = Direct({})
            try:
                return await sender.post(URL(f"https://127.0.0.1:{server.port}/x"), b"")
            except OSError as error:
                return error
            finally:
                await sender.close()
                await server.close()

        return asyncio.run(within())

    refused = asked()
    assert isinstance(refused, ssl.SSLCertVerificationError)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert asked().body == b"secret"


def test_a_proxy_named_by_the_environment_is_gone_through_but_never_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_for("http://model.example/v1") == "http://proxy:3128"
    assert proxy_for("http://inside.example/v1") is None
    assert proxy_for("http://127.0.0.1:8000/v1") is None
    asked_for: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked_for.append(request.raw_path)
        return web.Response(body=await request.read(), headers={"Retry-After": "2"})

    async def ask(url: URL) -> Answer:
        sender = Proxied({"X-Key": "k"}, str(url.origin()))
        answer = await sender.post(URL("http://model.example/v1/x"), b"body")
        await sender.close()
        return answer

    answer = served(handle, ask)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (200, b"body", "2")
    assert asked_for == ["http://model.example/v1/x"]
