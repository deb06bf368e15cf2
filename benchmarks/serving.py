"""Local generation on a CPU: our batches against a server that is asked one request at a time,
and OpenVINO against transformers' own batches in bfloat16. One run, taking turns.

    python benchmarks/serving.py [--part server] [--requests 48] [--new 64] [--repeat 3]

- The embedded model answers the prompts of tasks, in this process and behind ``transformers serve``
  over a socket, greedily, at most ``--new`` tokens each; a request to the server waits for the one
  before it. Rates count the tokens that came.
- The embedded model answers the prompts of 256 tasks, 64 in a batch: transformers' own batches in
  float32 and bfloat16, ours with torch, ours with OpenVINO. Rates count the tokens that came, up to
  the end of each reply.
- A random LLaMA of 15 and one of 86 million parameters continue prompts of 60 tokens, all in one
  batch, without an end token, so that all make the same number: transformers in float32 and in
  bfloat16, ours with torch, ours with OpenVINO in both. "same" are the greedy replies that are
  those of ours with torch in float32, to the letter.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
import transformers
from generation import prompts, theirs
from random_llama import write_llama

from didact.models.embedded import Embedded
from didact.models.openai import OpenAI
from didact.models.openvino import OpenVINO
from didact.models.transformers import Transformers
from didact.records import Reply, Request, Sampling
from didact.suites.microworld import Microworld

LOOP = asyncio.Runner()
TEMPLATE = (
    "{% for m in messages %}{{ m.content }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}### Response:\n{% endif %}"
)


@contextmanager
def served() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", program, "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--device", "cpu"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


def asked(model, requests: list[Request]) -> list[Reply]:
    async def everything() -> list[Reply]:
        return await asyncio.gather(*[model.ask(request) for request in requests])

    return LOOP.run(everything())


def told(name: str, rates: list[float], base: float) -> None:
    middle = statistics.median(rates)
    spread = f"({min(rates):.0f}-{max(rates):.0f})"
    print(f"{name:44} {middle:7.0f} tokens/s {spread} {middle / base:5.2f} times", flush=True)


def against_a_server(requests: int, new: int, repeat: int) -> None:
    sampling = Sampling(max_tokens=new)
    wanted = [
        Request(messages=item.prompt, sampling=sampling)
        for item in list(Microworld(per_family=2).read())[:requests]
    ]
    with tempfile.TemporaryDirectory() as name, served() as url:
        path = Path(shutil.copytree(Embedded.directory(), Path(name) / "model"))
        # The server wants a chat template; both then read the same prompts.
        (path / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
        local = Transformers(path=str(path), device="cpu")
        peer = OpenAI(url=url, model=str(path), concurrency=1)
        rates: dict[str, list[float]] = {"server": [], "ours": []}
        for turn in range(repeat + 1):  # the first one warms up
            for name, model in (("server", peer), ("ours", local)):
                start = time.perf_counter()
                replies = asked(model, wanted if turn else wanted[:2])
                if turn:
                    made = sum(reply.usage.completion for reply in replies)
                    rates[name].append(made / (time.perf_counter() - start))
        base = statistics.median(rates["server"])
        told("transformers serve, one request at a time", rates["server"], base)
        told("the embedded model, requests in batches", rates["ours"], base)
        LOOP.run(peer.close())


Batched = Callable[[object, object, list[str]], tuple[float, int]]
"""A model, its tokenizer and texts to seconds and new tokens."""


def random_model(size: dict[str, int], requests: int, new: int, repeat: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        parameters = write_llama(Path(name), ends=False, decided=12, **size)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, padding_side="left")
        print(f"\n{parameters / 1e6:.1f} M parameters, {requests} requests, {new} new tokens")
        run = partial(theirs, new=new, do_sample=False)
        against_batches(name, prompts(requests, 60, 0, tokenizer), new, repeat, run)


def trained_model(new: int, repeat: int) -> None:
    def batches(model, tokenizer, texts: list[str]) -> tuple[float, int]:
        start, made = time.perf_counter(), 0
        for first in range(0, len(texts), 64):
            batch = tokenizer(texts[first : first + 64], return_tensors="pt", padding=True)
            batch.pop("token_type_ids", None)
            with torch.inference_mode():
                output = model.generate(**batch, max_new_tokens=new, do_sample=False)
            replies = output[:, batch.input_ids.shape[1] :]
            tokenizer.batch_decode(replies, skip_special_tokens=True)
            ended = replies == tokenizer.eos_token_id
            # The first end token counts, as it does for ours.
            made += int(((ended.cumsum(-1) - ended.long()) == 0).sum())
        return time.perf_counter() - start, made

    items = [item.prompt for item in Microworld(per_family=8).read()][:256]
    texts = ["\n\n".join([*(m.content for m in item), "### Response:\n"]) for item in items]
    print(f"\nthe embedded model, {len(texts)} tasks, at most {new} new tokens")
    against_batches(str(Embedded.directory()), texts, new, repeat, batches)


def against_batches(name: str, texts: list[str], new: int, repeat: int, run: Batched) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, padding_side="left")
    sampling = Sampling(max_tokens=new)
    wanted = [Request(prompt=text, sampling=sampling) for text in texts]
    peers = {
        f"generate, {dtype}": transformers.AutoModelForCausalLM.from_pretrained(
            name, dtype=getattr(torch, dtype)
        ).eval()
        for dtype in ("bfloat16", "float32")
    }
    own = {
        "ours, torch, float32": Transformers(path=name, dtype="float32", device="cpu"),
        "ours, OpenVINO, float32": OpenVINO(path=name),
        "ours, OpenVINO, bfloat16": OpenVINO(path=name, dtype="bfloat16"),
    }
    rates: dict[str, list[float]] = {}
    replies: dict[str, list[str]] = {}
    for _ in range(repeat + 1):  # the first one warms up
        for arm, model in peers.items():
            seconds, tokens = run(model, tokenizer, texts)
            rates.setdefault(arm, []).append(tokens / seconds)
        for arm, model in own.items():
            start = time.perf_counter()
            found = asked(model, wanted)
            made = sum(reply.usage.completion for reply in found)
            rates.setdefault(arm, []).append(made / (time.perf_counter() - start))
            replies[arm] = [reply.text for reply in found]
    base = statistics.median(rates["generate, bfloat16"][1:])
    for arm, found in rates.items():
        told(arm, found[1:], base)
    exact = replies["ours, torch, float32"]
    for arm, texts_of in replies.items():
        same = sum(one == other for one, other in zip(texts_of, exact, strict=True))
        print(f"{arm}: {same} of {len(texts)} same")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", choices=["server", "trained", "small", "large"])
    parser.add_argument("--requests", type=int, default=48)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(f"{torch.get_num_threads()} threads")
    parts = options.part or ["server", "trained", "small", "large"]
    if "server" in parts:
        against_a_server(options.requests, options.new, options.repeat)
    if importlib.util.find_spec("openvino") is None:
        print("openvino is not installed: pip install openvino")
        return
    if "trained" in parts:
        trained_model(options.new, options.repeat)
    if "small" in parts:
        small = {"width": 384, "inner": 1024, "layers": 8, "heads": 6}
        random_model(small, options.requests, options.new, options.repeat)
    if "large" in parts:
        large = {"width": 768, "inner": 2048, "layers": 12, "heads": 12}
        random_model(large, options.requests, options.new, options.repeat)


if __name__ == "__main__":
    main()
