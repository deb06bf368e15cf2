"""A server of OpenAI's protocol that misbehaves on a script, in a process of its own.

    with BadServer() as server:
        server.begin(storm(seed=1))
        ... ask server.url ...
        server.counts()["answered"]["question 3"]

What happens to a request follows from a weather: a list of shares of each behaviour, or one for
all. The server counts every attempt, and every reply that it wrote to its last byte: what it would
charge for. The weather can be changed while it runs.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

CALM: dict[str, Any] = {"answers": 1.0}


def storm(seed: int = 0, *, hang: float = 0.02, most: int = 4) -> dict[str, Any]:
    """Everything that can go wrong, at most ``most`` times for one request."""
    return {
        "seed": seed,
        "most": most,
        "429 with Retry-After": 0.12,
        "429": 0.12,
        "500": 0.06,
        "503": 0.05,
        "529": 0.02,
        "reset": 0.04,
        "reset mid-body": 0.05,
        "hang": hang,
        "drip": 0.02,
        "malformed": 0.05,
        "wrong schema": 0.04,
        "no choices": 0.04,
        "no text": 0.03,
        "error in a 200": 0.03,
        "answers": 0.31,
    }


class BadServer:
    """The process; ``url`` is where to ask."""

    def __enter__(self) -> BadServer:
        self._process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        port = self._process.stdout.readline().decode().strip()
        assert port, "the server did not start"
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def counts(self) -> dict[str, Any]:
        """Attempts and answers by prompt, and how often each behaviour was shown."""
        with urllib.request.urlopen(f"{self.root}/counts", timeout=10) as response:
            return json.loads(response.read())

    def begin(self, weather: dict[str, Any]) -> None:
        """Forget everything and begin with this weather."""
        self._post("begin", weather)

    def change(self, weather: dict[str, Any]) -> None:
        """Another weather from now on, the counts go on."""
        self._post("weather", weather)

    def _post(self, path: str, weather: dict[str, Any]) -> None:
        data = json.dumps(weather).encode()
        with urllib.request.urlopen(f"{self.root}/{path}", data=data, timeout=10):
            pass


class Misbehaviour:
    """What the process does."""

    def __init__(self) -> None:
        self.begin(CALM)

    def begin(self, weather: dict[str, Any]) -> None:
        self.answered: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.troubled: Counter[str] = Counter()
        self.shown: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.set(weather)

    def set(self, weather: dict[str, Any]) -> None:
        self.weather = weather
        self.rng = random.Random(weather.get("seed", 0))
        self.shares = {k: v for k, v in weather.items() if k not in SETTINGS}

    def choose(self, prompt: str) -> str:
        total = sum(self.answered.values())
        if total >= self.weather.get("denies after", float("inf")):
            return "401"
        # A server that bears so many and no more.
        if self.at_once > self.weather.get("bears", float("inf")):
            return "429"
        if self.troubled[prompt] >= self.weather.get("most", float("inf")):
            return "answers"
        return self.rng.choices(list(self.shares), list(self.shares.values()))[0]

    async def handle(self, request: Any) -> Any:
        body = json.loads(await request.read())
        turns = body.get("messages")
        prompt = turns[-1]["content"] if turns else body["prompt"]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.attempts[prompt] += 1
        key = request.headers.get("Authorization", "")
        self.keys.add(key)
        try:
            what = self.choose(prompt)
            self.shown[what] += 1
            self.troubled[prompt] += what != "answers"
            return await self.show(what, request, prompt, key, chat=bool(turns))
        finally:
            self.at_once -= 1

    async def show(self, what: str, request: Any, prompt: str, key: str, *, chat: bool) -> Any:
        from aiohttp import web

        if what not in ("429", "401", "503"):
            await asyncio.sleep(self.weather.get("delay", 0.01))
        if what[:3].isdigit():
            headers = {"Retry-After": "0.05"} if "Retry-After" in what else {}
            error = {"error": {"message": f"{what}; you sent {key}", "code": None}}
            return web.json_response(error, status=int(what[:3]), headers=headers)
        if what == "hang":
            await asyncio.sleep(3600)
        if what == "reset":
            request.transport.abort()
            return web.Response()
        if what == "echo":
            return web.json_response(self.reply(f"your key is {key}", chat=chat))
        raw = {
            "malformed": b'{"choices": [{"mess',
            "wrong schema": json.dumps({"result": prompt, "sent": key}).encode(),
            "no choices": b'{"choices": []}',
            "no text": b'{"choices": [{"message": {}, "finish_reason": "stop"}]}',
            "error in a 200": b'{"error": {"message": "upstream", "code": 502}}',
        }
        if what in raw:
            return web.Response(body=raw[what], content_type="application/json")
        return await self.write(request, self.reply(f"answer to {prompt}", chat=chat), prompt, what)

    def reply(self, text: str, *, chat: bool) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        renames = self.weather.get("renames after", float("inf"))
        return {
            "model": "old" if sum(self.answered.values()) < renames else "new",
            "choices": [{"index": 0, "finish_reason": "stop", **said}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        }

    async def write(self, request: Any, reply: dict[str, Any], prompt: str, what: str) -> Any:
        from aiohttp import web

        content = json.dumps(reply).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(content)
        await response.prepare(request)
        if what == "reset mid-body":
            await response.write(content[:20])
            request.transport.abort()
            return response
        if what == "drip":
            for number in range(len(content)):
                await response.write(content[number : number + 1])
                await asyncio.sleep(0.1)
        else:
            await response.write(content)
        await response.write_eof()
        self.answered[prompt] += 1
        return response


SETTINGS = ("seed", "most", "delay", "denies after", "bears", "renames after")


def serve() -> None:
    """Serve until killed; the port is the first line written."""
    from aiohttp import web

    state = Misbehaviour()

    async def counts(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "answered": state.answered,
                "attempts": state.attempts,
                "shown": state.shown,
                "keys": sorted(state.keys),
                "most_at_once": state.most_at_once,
            }
        )

    async def change(request: web.Request) -> web.Response:
        (state.begin if request.path == "/begin" else state.set)(await request.json())
        return web.Response()

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/counts", counts)
        app.router.add_post("/weather", change)
        app.router.add_post("/begin", change)
        app.router.add_post("/v1/{path:.*}", state.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        assert runner.addresses
        print(runner.addresses[0][1], flush=True)  # noqa: T201  (read by the test)
        await asyncio.Event().wait()

    asyncio.run(main())


if __name__ == "__main__":
    # Beside the tests, `http` would be a folder of theirs.
    sys.path.remove(str(Path(__file__).parent))
    serve()
