"""A process that asks a bad server many questions through a context with a call log on disk.

    python tests/storm_client.py URL RUN_DIRECTORY QUESTIONS CONCURRENCY

Writes one JSON line at the end: what came back, what failed, what was told.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

from didact.calls import CallLog
from didact.context import Context
from didact.errors import CredentialsError
from didact.http.notices import Forwarded
from didact.http.waits import WAITS
from didact.models.openai import OpenAI
from didact.records import Message, Reply, Request


def quicken() -> None:
    """Waits that fit a test; what they mean stays the same."""
    WAITS.first, WAITS.longest, WAITS.pause = 0.02, 0.5, 0.1
    WAITS.down_after, WAITS.quiet = 0.2, 0.3


def question(number: int) -> Request:
    return Request(messages=(Message("user", f"question {number}"),))


async def ask_all(
    url: str, log: CallLog, questions: int, *, model: OpenAI | None = None, **settings: Any
) -> dict[str, Any]:
    """Ask every question; what came back in order, what failed, what was told and when."""
    settings = {"timeout": 1.0, "concurrency": 32, "retries": 6, **settings}
    model = model or OpenAI(url=url, model="m", **settings)
    notices: list[dict[str, Any]] = []
    moved = [time.monotonic()]
    longest_silence = 0.0
    error = ""

    def heard(event: str, fields: Any) -> None:
        nonlocal longest_silence
        now = time.monotonic()
        longest_silence = max(longest_silence, now - moved[-1])
        moved.append(now)
        if event == "provider":
            notices.append(dict(fields))

    ctx = Context({"teacher": model}, log=log, on_event=heard)
    replies: list[Reply] = []
    with Forwarded(heard):
        try:
            async with aclosing(ctx.map(ctx.ask, map(question, range(questions)))) as results:
                async for reply in results:
                    replies.append(reply)
        except CredentialsError as denied:
            error = str(denied)
        finally:
            await model.close()
    return {
        "texts": [reply.text for reply in replies],
        "failures": [failure.error for failure in ctx.failures],
        "made": ctx.tally.made,
        "replayed": ctx.tally.replayed,
        "failed": ctx.tally.failed,
        "notices": notices,
        "longest_silence": longest_silence,
        "error": error,
    }


if __name__ == "__main__":
    quicken()
    logging.getLogger("didact").setLevel(logging.ERROR + 1)
    run = Path(sys.argv[2])
    run.mkdir(parents=True, exist_ok=True)
    log = CallLog.open(run / "calls.db", write=True)
    result = asyncio.run(
        ask_all(sys.argv[1], log, int(sys.argv[3]), concurrency=int(sys.argv[4]), timeout=0.5)
    )
    log.close()
    print(json.dumps(result))  # noqa: T201  (read by the test)
