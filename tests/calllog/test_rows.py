from __future__ import annotations

import random
import sqlite3
import string
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from didact.calllog.rows import packed, unpacked, writable
from didact.calls import CallLog, call_key
from didact.records import Message, Reply, Request, Usage

# Every character there is, surrogates alone and in pairs among them.
ANY = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["", "\ud83d\ude00", "\U0001f600", "\x00", "\u2028\r\n", "é" * 5000, "\ud800" * 3000]
)
NUMBERS = st.floats(allow_nan=False)
REPLIES = st.builds(
    Reply,
    text=ANY,
    finish=st.sampled_from(["stop", "length", "refused"]),
    usage=st.builds(Usage, prompt=st.integers(0, 10**9), completion=st.integers(0, 10**9)),
    logprobs=st.none() | st.lists(NUMBERS, max_size=400).map(tuple),
    model=ANY.map(writable),
)


@given(ANY, REPLIES)
def test_any_reply_comes_back_whole(prompt: str, reply: Reply) -> None:
    log = CallLog.in_memory()
    request = Request(messages=(Message("user", prompt),))
    key = call_key("m", request)
    logged = log.record(key, request, role="r", model="m", outcome=reply, seconds=1.5, usd=1e-7)
    call = log.get(key)
    log.close()
    assert call is not None
    assert call.reply == logged.reply
    assert call.request == logged.request == request
    assert call.outcome() == Reply(
        text=reply.text,
        finish=reply.finish,
        usage=reply.usage,
        logprobs=reply.logprobs,
        model=reply.model,
        key=key,
    )
    assert (call.usd, call.seconds) == (1e-7, 1.5)


@given(ANY)
def test_what_is_packed_is_unpacked(text: str) -> None:
    stored = packed(text)
    assert unpacked(stored) == text
    if isinstance(stored, str):
        assert len(stored.encode()) <= 4096


def test_a_long_reply_is_compressed_and_a_short_one_can_be_read_by_any_tool(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calls.db"
    log = CallLog.open(path, write=True)
    words = [
        "".join(random.Random(n).choices(string.ascii_lowercase, k=1 + n % 9)) for n in range(900)
    ]
    for text in ("short", " ".join(random.Random(0).choices(words, k=8000))):
        request = Request(prompt=text[:10])
        log.record(
            call_key("m", request), request, role="r", model="m", outcome=Reply(text=text),
            seconds=0,
        )  # fmt: skip
    assert [len(call.outcome().text) for call in log] == [5, len(text)]
    log.close()
    connection = sqlite3.connect(path)
    short, long = connection.execute("SELECT reply FROM calls ORDER BY number").fetchall()
    connection.close()
    assert short == ("short",)
    assert len(long[0]) < 0.6 * len(text)
