"""Refusals as servers word them, and what follows from each."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from didact.http.troubles import judge, retry_after, said_by


def body(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


TOO_LONG = {
    "vllm": (400, "This model's maximum context length is 6048 tokens. However, you requested 6616"
             " tokens (568 in the messages, 6048 in the completion)."),
    "vllm 0.16": (400, "You passed 1015 input tokens and requested 10 output tokens. However, the"
                  " model's context length is only 1024 tokens"),
    "sglang": (400, "The input (61709 tokens) is longer than the model's context length (40960)."),
    "llama.cpp": (500, "the request exceeds the available context size. try increasing it"),
    "anthropic": (400, "prompt is too long: 208310 tokens > 200000 maximum"),
    "anthropic max": (400, "input length and `max_tokens` exceed context limit: 178959 + 64000"),
    "tgi": (422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
    "google": (400, "The input token count (1048577) exceeds the maximum number of tokens allowed"),
    "openai tier": (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "message"), TOO_LONG.values(), ids=TOO_LONG)
def test_a_prompt_that_is_too_long_is_known_by_the_servers_words(status: int, message: str) -> None:
    assert judge(status, body(message), {}).kind == "too_long"


def test_a_prompt_that_is_too_long_is_known_by_its_code() -> None:
    assert judge(400, body("no", code="context_length_exceeded"), {}).kind == "too_long"
    assert judge(500, body("no", type="exceed_context_size_error"), {}).kind == "too_long"


def test_a_busy_minute_is_no_empty_account_though_google_says_it_alike() -> None:
    busy = judge(429, body("You exceeded your current quota", code=429), {})
    assert (busy.kind, busy.waiting) == ("transient", True)
    empty = judge(429, body("You exceeded your current quota", code="insufficient_quota"), {})
    assert empty.kind == "credentials"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, body("The response was filtered", code="content_filter")),
        (400, body("x", code="BadRequest", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (403, body("Your chosen model requires moderation and your input was flagged")),
        (400, body("Invalid prompt: flagged as potentially violating our usage policy.")),
    ],
)
def test_declined_content_is_neither_a_bad_key_nor_a_bad_request(
    status: int, content: bytes
) -> None:
    assert judge(status, content, {}).kind == "refused"


@pytest.mark.parametrize(
    ("status", "kind", "crowded", "dead"),
    [
        (408, "transient", False, False),
        (429, "transient", True, False),
        (500, "transient", False, True),
        (502, "transient", False, True),
        (503, "transient", True, True),
        (529, "transient", True, True),
        (400, "request", False, False),
        (404, "request", False, False),
        (422, "request", False, False),
        (307, "request", False, False),
        (401, "credentials", False, False),
        (402, "credentials", False, False),
        (403, "credentials", False, False),
        (413, "too_long", False, False),
    ],
)
def test_every_status_has_its_consequence(
    status: int, kind: str, crowded: bool, dead: bool
) -> None:
    trouble = judge(status, body("no"), {"Retry-After": "3"})
    assert (trouble.kind, trouble.crowded, trouble.dead) == (kind, crowded, dead)
    assert trouble.after == (3.0 if kind == "transient" else 0.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"error": {"message": "m"}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"detail": "m"}', "m"),
        (b'{"detail": [{"loc": 1}]}', '[{"loc": 1}]'),
        (b'[{"error": {"message": "m"}}]', "m"),
        (b'{"type": "error", "error": {"type": "x", "message": "m"}}', "m"),
        (b"<html>m</html>", "<html>m</html>"),
        (b"", "no message"),
        (b"null", "None"),
        (b"[" * 100_000, "[" * 300),
    ],
)
def test_the_servers_words_are_found_in_every_form(content: bytes, message: str) -> None:
    assert said_by(content).message == message


def test_a_wait_is_read_in_seconds_milliseconds_or_as_a_date() -> None:
    assert retry_after({"Retry-After": "1.5"}) == 1.5
    assert retry_after({"retry-after-ms": "1500", "Retry-After": "2"}) == 1.5
    date = formatdate(time.time() + 30, usegmt=True)
    assert 27 < retry_after({"Retry-After": date}) < 31
    for nonsense in ("", "soon", "-1", "nan", "inf", "1e999", "Wed, 99 Nov 2026 99:00:00 GMT"):
        assert retry_after({"Retry-After": nonsense}) == 0.0
