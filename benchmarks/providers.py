"""Throughput of asking a server: ours with the call log on, a bare aiohttp loop, and the peers.

    python benchmarks/providers.py --peers PYTHON --rounds 3

A server of its own process answers after 50 ms; 256 requests are under way. Every client runs in a
process of its own, one after the other, in rounds; the table shows medians, so that ratios hold on
a machine that is shared. ``--peers`` is the Python of an environment with bespokelabs-curator,
distilabel[openai] and litellm; whoever is not there is left out with the reason. Start-up does not
count: the server times from the first request to the last answer, and of the processor time that of
a small run is taken off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDE = 256
SIZES = {"bare": 12_000, "ours": 12_000, "curator": 3000, "distilabel": 2000, "litellm": 2000}
SMALL = 512
TEXT = "An answer of some length, as a model would give it: a little to read, to check and to log."
BODY = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": TEXT},
            }
        ],
        "usage": {"prompt_tokens": 24, "completion_tokens": 24, "total_tokens": 48},
    }
).encode()


def prompt(number: int) -> str:
    return f"Question {number}: tell in one sentence what makes a day by the sea pleasant."


# The server: as little as HTTP allows, so that it is never what limits.


class Answering(asyncio.Protocol):
    """Answers every request of a connection after a delay."""

    delay = 0.05
    times = (0.0, 0.0, 0)
    """First request, last answer, answers."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(BODY)
    ) + BODY

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.held = b""
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + length:
                return
            self.held = self.held[end + 4 + length :]
            if head.startswith(b"get /times"):
                self.tell()
                continue
            if not Answering.times[0]:
                Answering.times = (time.perf_counter(), 0.0, 0)
            self.loop.call_later(self.delay, self.reply)

    def reply(self) -> None:
        first, _, count = Answering.times
        Answering.times = (first, time.perf_counter(), count + 1)
        if not self.transport.is_closing():
            self.transport.write(self.answer)

    def tell(self) -> None:
        body = json.dumps(Answering.times).encode()
        Answering.times = (0.0, 0.0, 0)
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def serve(delay: float) -> None:
    Answering.delay = delay
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


# The clients. Each asks ``count`` questions and checks that it got as many answers.


def bare(url: str, count: int) -> None:
    import aiohttp

    async def main() -> None:
        numbers = iter(range(count))
        got = 0

        async def work(session: aiohttp.ClientSession) -> None:
            nonlocal got
            for number in numbers:
                messages = [{"role": "user", "content": prompt(number)}]
                body = {"model": "m", "messages": messages, "max_tokens": 256, "temperature": 0.0}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    data = await response.json()
                assert data["choices"][0]["message"]["content"] == TEXT
                got += 1

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WIDE)) as session:
            await asyncio.gather(*[work(session) for _ in range(WIDE)])
        assert got == count

    asyncio.run(main())


def ours(url: str, count: int) -> None:
    from didact.calls import CallLog
    from didact.context import Context
    from didact.models.openai import OpenAI
    from didact.records import Message, Request

    async def main(path: Path) -> None:
        log = CallLog.open(path, write=True)
        model = OpenAI(url=url, model="m", concurrency=WIDE)
        ctx = Context({"teacher": model}, log=log)
        asked = (Request(messages=(Message("user", prompt(number)),)) for number in range(count))
        got = 0
        async for reply in ctx.map(ctx.ask, asked):
            assert reply.text == TEXT
            got += 1
        await model.close()
        assert got == count == log.totals().made
        log.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "calls.db"))


def litellm(url: str, count: int) -> None:
    import litellm

    async def main() -> None:
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                reply: Any = await litellm.acompletion(
                    model="openai/m",
                    api_base=url,
                    api_key="none",
                    messages=[{"role": "user", "content": prompt(number)}],
                    max_tokens=256,
                    temperature=0.0,
                )
                assert reply.choices[0].message.content == TEXT

        await asyncio.gather(*[work() for _ in range(WIDE)])

    asyncio.run(main())


def distilabel(url: str, count: int) -> None:
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    with Pipeline(name=f"asked-{count}-{time.time_ns()}") as pipeline:
        load = LoadDataFromDicts(
            data=[{"instruction": prompt(number)} for number in range(count)], batch_size=WIDE
        )
        llm = OpenAILLM(
            model="m",
            base_url=url,
            api_key="none",
            generation_kwargs={"max_new_tokens": 256, "temperature": 0.0},
        )
        load >> TextGeneration(llm=llm, input_batch_size=WIDE)
    result: Any = pipeline.run(use_cache=False)
    assert result["default"]["train"]["generation"] == [TEXT] * count


def curator(url: str, count: int) -> None:
    import litellm

    # Its tokenizer table is fetched at run time; litellm ships the same.
    ships = Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(ships)
    os.environ.update(CURATOR_VIEWER="0", TELEMETRY_ENABLED="0", CURATOR_DISABLE_CACHE="1")
    from bespokelabs import curator as peer

    model = peer.LLM(
        model_name="m",
        backend="openai",
        backend_params={
            "base_url": url,
            "api_key": "none",
            "max_concurrent_requests": WIDE,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
            "require_all_responses": True,
        },
        generation_params={"max_tokens": 256, "temperature": 0.0},
    )
    with tempfile.TemporaryDirectory() as folder:
        reply: Any = model([prompt(number) for number in range(count)], working_dir=folder)
        data = getattr(reply, "dataset", reply)
        assert len(data) == count


CLIENTS: dict[str, Callable[[str, int], None]] = {
    "bare": bare,
    "ours": ours,
    "curator": curator,
    "distilabel": distilabel,
    "litellm": litellm,
}


def timed(client: Callable[[str, int], None], url: str, count: int) -> tuple[float, float]:
    """Seconds from the first request to the last answer, and of processor time, children's too."""
    span(url)
    cpu = processor()
    client(url, count)
    cpu = processor() - cpu
    first, last, answers = span(url)
    assert answers >= count, f"{answers} answers to {count} requests"  # curator tries one first
    return last - first, cpu


def span(url: str) -> tuple[float, float, int]:
    with urllib.request.urlopen(url.replace("/v1", "/times"), timeout=60) as response:
        return json.loads(response.read())


def processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def client_process(name: str, url: str, count: int) -> None:
    client, few = CLIENTS[name], min(SMALL, count // 2)
    client(url, few)  # imports and caches
    _, start_up = timed(client, url, few)
    wall, cpu = timed(client, url, count)
    print(json.dumps([count / wall, (cpu - start_up) / (count - few) * 10_000]))


# The table.


@dataclass(frozen=True)
class Row:
    """One measured run."""

    rate: float
    cpu: float
    """CPU-seconds per 10,000 requests."""


def measured(name: str, python: str, url: str, count: int) -> Row | str:
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "HF_HOME": home, "HF_HUB_OFFLINE": "1"}
        env["HF_DATASETS_CACHE"] = home
        done = subprocess.run(
            [python, __file__, "--client", name, "--url", url, "--count", str(count)],
            capture_output=True,
            text=True,
            env=env,
            timeout=600,
            cwd=home,
        )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1][:150]
    return Row(*json.loads(done.stdout.strip().splitlines()[-1]))


def table(rows: dict[str, list[Row]], skipped: dict[str, str], against: str) -> str:
    lines = ["| client | req/s | CPU-s per 10k | ours is |", "|---|---|---|---|"]
    mine = statistics.median(row.rate for row in rows[against]) if rows.get(against) else 0.0
    for name in SIZES:
        if found := rows.get(name):
            rates = sorted(row.rate for row in found)
            rate, cpu = statistics.median(rates), statistics.median(row.cpu for row in found)
            spread = f"{rate:,.0f} ({rates[0]:,.0f}-{rates[-1]:,.0f}, n={len(rates)})"
            lines.append(f"| {name} | {spread} | {cpu:.2f} | {mine / rate:.2f}x |")
        elif name in skipped:
            lines.append(f"| {name} | skipped: {skipped[name]} | | |")
    return "\n".join(lines)


def run(options: argparse.Namespace) -> None:
    command = [sys.executable, __file__, "--serve", "--delay", str(options.delay)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
    rows: dict[str, list[Row]] = {}
    skipped: dict[str, str] = {}
    try:
        for _ in range(options.rounds):
            for name in chosen(options.only):
                peer = name not in ("bare", "ours")
                if peer and not options.peers:
                    skipped[name] = "no --peers"
                elif name not in skipped:
                    python = options.peers if peer else sys.executable
                    count = max(int(SIZES[name] * options.scale), 64)
                    outcome = measured(name, python, url, count)
                    if isinstance(outcome, Row):
                        rows.setdefault(name, []).append(outcome)
                        print(name, f"{outcome.rate:,.0f} req/s", flush=True, file=sys.stderr)
                    else:
                        skipped[name] = outcome
    finally:
        server.kill()
        server.wait()
    print(f"{options.delay * 1000:g} ms a reply, {WIDE} under way\n")
    print(table(rows, skipped, "ours"))


def chosen(only: Sequence[str] | None) -> list[str]:
    return [name for name in SIZES if not only or name in only]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peers", help="Python of an environment with the peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of requests")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds the server takes")
    parser.add_argument("--only", nargs="*", choices=list(SIZES))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.delay))
    elif options.client:
        client_process(options.client, options.url, options.count)
    else:
        run(options)


if __name__ == "__main__":
    main()
