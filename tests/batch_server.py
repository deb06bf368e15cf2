"""A batch API in a process of its own, in the shapes of OpenAI and of Anthropic, scripted.

    with started() as server:
        server.set(hold=True)
        server.ledger()["answered"]

What becomes of a row is said in its own text: ``fail:500*2`` fails it twice with that status and
then answers, ``expire*1`` lets it expire once, ``gone*1`` leaves it out of the results,
``empty*1`` gives an answer without choices. Run as a script it serves and prints its port.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import web

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "input_tokens": 7, "output_tokens": 3}


class Server:
    """The state of both APIs; ``answered`` counts the answers of each row, which are paid for."""

    def __init__(self) -> None:
        self.knobs: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.answered: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 28, middlewares=[self._meddle])
        app.router.add_post("/control", self._control)
        app.router.add_get("/ledger", self._ledger)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._look)
        app.router.add_post("/v1/messages/batches", self._create_messages)
        app.router.add_get("/v1/messages/batches", self._list)
        app.router.add_get("/v1/messages/batches/{id}", self._look)
        app.router.add_get("/v1/messages/batches/{id}/results", self._results)
        return app

    def take(self, knob: str) -> Any:
        """A knob that is a number counts down and is on until it is 0."""
        value = self.knobs.get(knob)
        if isinstance(value, int) and not isinstance(value, bool):
            self.knobs[knob] = max(0, value - 1)
        return value

    @web.middleware
    async def _meddle(self, request: web.Request, handler: Any) -> web.StreamResponse:
        name = f"{request.method} {re.sub(r'/(batch|out|err)_[^/]*', '/X', request.path)}"
        self.seen[name] += 1
        if request.path.startswith("/v1") and self.take("unauthorized"):
            return web.json_response({"error": {"message": "who are you?"}}, status=401)
        if request.path.startswith("/v1") and self.take("busy"):
            return web.json_response({"error": {"message": "later"}}, status=503)
        creates = request.method == "POST" and request.path.endswith("/batches")
        if creates and self.take("reset_before"):
            request.transport.abort()
            return web.Response()
        response = await handler(request)
        if creates and self.knobs.get("hang"):
            await asyncio.sleep(3600)
        if creates and self.take("reset_after"):
            request.transport.abort()
        return response

    async def _control(self, request: web.Request) -> web.Response:
        self.knobs |= await request.json()
        for batch in [b for b in self.batches.values() if b["id"] in self.knobs.get("drop", ())]:
            self.batches.pop(batch["id"])
        return web.json_response({})

    async def _ledger(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "answered": self.answered,
                "batches": [{k: b[k] for k in ("id", "size")} for b in self.batches.values()],
                "seen": self.seen,
            }
        )

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        id = f"file_{len(self.files)}"
        self.files[id] = form["file"].file.read()
        return web.json_response({"id": id})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        rows = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert all(row["url"] == asked["endpoint"] for row in rows)
        batch = self._batch(
            [(row["custom_id"], row["body"]) for row in rows],
            metadata=asked.get("metadata"),
            input_file_id=asked["input_file_id"],
            created_at=int(time.time()),
        )
        most = self.knobs.get("most")
        wrong = [n for n, row in enumerate(rows, 1) if "wrong line" in json.dumps(row)]
        if most and len(rows) > most:
            batch |= {
                "status": "failed",
                "errors": {
                    "data": [
                        {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
                    ]
                },
            }
        elif wrong:
            batch |= {
                "status": "failed",
                "errors": {
                    "data": [
                        {"code": "invalid_request", "message": "bad row", "line": n} for n in wrong
                    ]
                },
            }
        return web.json_response(self._shown(batch))

    async def _create_messages(self, request: web.Request) -> web.Response:
        rows = (await request.json())["requests"]
        batch = self._batch([(row["custom_id"], row["params"]) for row in rows], messages=True)
        return web.json_response(self._shown(batch))

    def _batch(self, rows: list[tuple[str, Any]], **more: Any) -> dict[str, Any]:
        id = f"batch_{len(self.batches)}{os.urandom(3).hex()}"
        self.batches[id] = {"id": id, "rows": rows, "size": len(rows), "status": "working", **more}
        return self.batches[id]

    async def _list(self, request: web.Request) -> web.Response:
        messages = "messages" in request.path
        kept = [b for b in self.batches.values() if bool(b.get("messages")) == messages]
        newest_first = [self._shown(b) for b in reversed(kept)]
        after = request.query.get("after") or request.query.get("after_id")
        ids = [b["id"] for b in newest_first]
        start = ids.index(after) + 1 if after else 0
        page = newest_first[start : start + 2]
        return web.json_response({"data": page, "has_more": start + 2 < len(ids)})

    async def _look(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        if batch["status"] == "working" and not self.knobs.get("hold"):
            self._finish(batch)
        return web.json_response(self._shown(batch))

    def _finish(self, batch: dict[str, Any]) -> None:
        outcomes = {key: self._outcome(key, body) for key, body in batch["rows"]}
        expired = any(outcome == "expired" for outcome in outcomes.values())
        batch["status"] = "expired" if expired else "completed"
        if self.knobs.get("cancel"):
            batch["status"] = "cancelled"
            batch["cancelled_at"] = 1
            outcomes = {k: o if n % 2 else "cancelled" for n, (k, o) in enumerate(outcomes.items())}
        self.answered.update(k for k, o in outcomes.items() if isinstance(o, dict))
        batch["outcomes"] = {k: o for k, o in outcomes.items() if o != "gone"}

    def _outcome(self, key: str, body: Any) -> Any:
        text = json.dumps(body)
        self.tried[key] += 1
        if body.get("max_tokens") == 13:
            return (400, "Unsupported parameter: use 'max_completion_tokens' instead")
        for word, times in re.findall(r"(fail:\d+|expire|gone|empty)\*(\d+)", text):
            if self.tried[key] <= int(times):
                if word.startswith("fail:"):
                    status = int(word[5:])
                    return (status, "content policy" if status == 403 else f"row failed {status}")
                return {"expire": "expired", "gone": "gone", "empty": {"choices": []}}[word]
        said = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        answer = f"re: {said}"
        return {
            "model": "fake@main",
            "choices": [{"finish_reason": "stop", "message": {"content": answer}, "text": answer}],
            "content": [{"type": "text", "text": answer}],
            "stop_reason": "end_turn",
            "usage": USAGE,
        }

    def _shown(self, batch: dict[str, Any]) -> dict[str, Any]:
        if batch.get("messages"):
            ended = batch["status"] != "working"
            return {
                "id": batch["id"],
                "processing_status": "ended" if ended else "in_progress",
                "created_at": batch.setdefault(
                    "created", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                ),
                "request_counts": {
                    "processing": 0 if ended else batch["size"],
                    "succeeded": batch["size"] if ended else 0,
                },
                "cancel_initiated_at": batch.get("cancelled_at"),
                "results_url": "http://127.0.0.1:9/elsewhere",
            }
        outcomes = batch.get("outcomes", {})
        shown = {k: v for k, v in batch.items() if k not in ("rows", "outcomes", "size")}
        if batch["status"] == "working":
            shown["status"] = "in_progress"
        if any(isinstance(o, dict) for o in outcomes.values()):
            shown["output_file_id"] = f"out_{batch['id']}"
        if any(not isinstance(o, dict) for o in outcomes.values()):
            shown["error_file_id"] = f"err_{batch['id']}"
        done = sum(isinstance(o, dict) for o in outcomes.values())
        return {**shown, "request_counts": {"total": batch["size"], "completed": done}}

    async def _content(self, request: web.Request) -> web.StreamResponse:
        kind, _, id = request.match_info["id"].partition("_")
        lines: list[Any] = []
        for key, outcome in self.batches[id]["outcomes"].items():
            if isinstance(outcome, dict) and kind == "out":
                response = {"status_code": 200, "body": outcome}
                lines.append({"custom_id": key, "response": response, "error": None})
            elif isinstance(outcome, str) and kind == "err":
                error = {"code": f"batch_{outcome}", "message": f"the batch was {outcome}"}
                lines.append({"custom_id": key, "response": None, "error": error})
            elif isinstance(outcome, tuple) and kind == "err":
                body = {"error": {"message": outcome[1]}}
                response = {"status_code": outcome[0], "body": body}
                lines.append({"custom_id": key, "response": response, "error": None})
        return await self._lines(request, lines)

    async def _results(self, request: web.Request) -> web.StreamResponse:
        lines: list[Any] = []
        types = {400: "invalid_request_error", 413: "request_too_large", 500: "api_error"}
        for key, outcome in self.batches[request.match_info["id"]]["outcomes"].items():
            if isinstance(outcome, dict):
                result: Any = {"type": "succeeded", "message": outcome}
            elif isinstance(outcome, str):
                result = {"type": "canceled" if outcome == "cancelled" else outcome}
            else:
                error = {"type": types.get(outcome[0], "api_error"), "message": outcome[1]}
                result = {"type": "errored", "error": {"type": "error", "error": error}}
            lines.append({"custom_id": key, "result": result})
        return await self._lines(request, lines)

    async def _lines(self, request: web.Request, rows: list[Any]) -> web.StreamResponse:
        lines = [json.dumps(row).encode() + b"\n" for row in [{}, *reversed(rows)]]
        content = b"not JSON\n\n" + b"".join(lines)
        if not self.take("break_results"):
            return web.Response(body=content)
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(b"".join(lines)[: len(content) // 2])
        await asyncio.sleep(0.05)
        request.transport.abort()
        return response


class Running:
    """A server process, from the outside."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"

    def set(self, **knobs: Any) -> None:
        data = json.dumps(knobs).encode()
        with urllib.request.urlopen(f"{self.root}/control", data=data, timeout=10):
            pass

    def ledger(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.root}/ledger", timeout=10) as response:
            return json.load(response)

    def wait_for(self, batches: int, seconds: float = 30) -> None:
        """Until the server has so many batches."""
        until = time.monotonic() + seconds
        while len(self.ledger()["batches"]) < batches:
            assert time.monotonic() < until, "no batch arrived"
            time.sleep(0.02)


@contextmanager
def started() -> Iterator[Running]:
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Running(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def serve() -> None:
    runner = web.AppRunner(Server().app(), handler_cancellation=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
