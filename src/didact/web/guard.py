"""What stands before every page: who may ask, and what a browser may do with the answer.

The page is for the person at this machine. Another site open in the same browser can send requests
here: one that names another host (a name rebound to 127.0.0.1) is refused, and so is whatever would
change something and does not come from a page of ours. No page runs a script that is not a file of
ours, is framed, or loads anything from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["POLICY", "REPORT_POLICY", "Guard"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
"""For a report, which has its style in it: a file like any other, that must not do anything."""
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: a form would then be sent without the origin that is asked for below.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_READING = ("GET", "HEAD")


class Guard:
    """Wraps the pages; ``hosts`` are the values of the Host header that are ours."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {host.encode("ascii") for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                named = {name.lower() for name, _ in own}
                # A page may have a policy of its own; nothing else of these is up to it.
                kept = [
                    h for h in _HEADERS if h[0] != b"content-security-policy" or h[0] not in named
                ]
                message["headers"] = [*own, *kept]
            await send(message)

        if refusal:
            kind = (b"content-type", b"text/plain; charset=utf-8")
            await guarded({"type": "http.response.start", "status": 403, "headers": [kind]})
            await guarded({"type": "http.response.body", "body": refusal.encode()})
            return
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> str:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return "Refused: the Host header is not of this server.\n"
        if scope["method"] in _READING:
            return ""
        origins = [value for name, value in headers if name == b"origin"]
        sites = [value for name, value in headers if name == b"sec-fetch-site"]
        ours = {b"http://" + host for host in self._hosts}
        if len(origins) != 1 or origins[0] not in ours or any(s != b"same-origin" for s in sites):
            return "Refused: the request does not come from a page of this server.\n"
        return ""
