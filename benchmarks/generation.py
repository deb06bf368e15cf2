"""New tokens per second of the local model against transformers' own generate, in one run.

    python benchmarks/generation.py [--requests 64] [--prompt 150] [--new 100] [--repeat 3]

A random LLaMA of 5.3 million parameters continues the same prompts both ways, greedily and without
an end token, so both make the same number of tokens. Seconds depend on the machine and on what else
it does; the ratios within one run are the result.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers
from random_llama import WORDS, write_llama

from didact.models.transformers import Transformers
from didact.records import Request, Sampling


def prompts(count: int, tokens: int, shared: int, tokenizer) -> list[str]:
    draw = random.Random(1)
    head = draw.choices(WORDS, k=2 * tokens)
    made = []
    for _ in range(count):
        length = draw.randint(int(0.7 * tokens), int(1.3 * tokens))
        ids = tokenizer(" ".join(head[:shared] + draw.choices(WORDS, k=2 * tokens))).input_ids
        made.append(tokenizer.decode(ids[:length]))
    return made


def ours(model: Transformers, texts: list[str], sampling: Sampling) -> tuple[float, int]:
    async def everything() -> int:
        requests = [Request(prompt=text, sampling=sampling) for text in texts]
        replies = await asyncio.gather(*[model.ask(request) for request in requests])
        return sum(reply.usage.completion for reply in replies)

    start = time.perf_counter()
    made = asyncio.run(everything())
    return time.perf_counter() - start, made


def theirs(model, tokenizer, texts: list[str], new: int, **sampling) -> tuple[float, int]:
    start = time.perf_counter()
    batch = tokenizer(texts, return_tensors="pt", padding=True)
    batch.pop("token_type_ids", None)
    with torch.inference_mode():
        output = model.generate(
            **batch, max_new_tokens=new, min_new_tokens=new, pad_token_id=1, **sampling
        )
    tokenizer.batch_decode(output[:, batch.input_ids.shape[1] :])
    return time.perf_counter() - start, len(texts) * new


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--prompt", type=int, default=150)
    parser.add_argument("--new", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    nucleus = {"temperature": 0.7, "top_p": 0.5}
    with tempfile.TemporaryDirectory() as name:
        parameters = write_llama(Path(name), ends=False, decided=12)
        print(f"{parameters / 1e6:.1f} M parameters, {torch.get_num_threads()} threads")
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, padding_side="left")
        for dtype in ("float32", "bfloat16"):
            peer = transformers.AutoModelForCausalLM.from_pretrained(
                name, dtype=getattr(torch, dtype)
            ).eval()
            local = Transformers(path=name, dtype=dtype, device="cpu", batch=options.requests)
            for case, shared, settings in (
                ("greedy", 0, {}),
                ("nucleus", 0, nucleus),
                ("nucleus, two thirds of the prompt shared", options.prompt // 3, nucleus),
            ):
                texts = prompts(options.requests, options.prompt, shared, tokenizer)
                sampling = Sampling(max_tokens=options.new, **settings)
                extra = (
                    {"do_sample": bool(settings), "top_k": 0, **settings}
                    if settings
                    else {"do_sample": False}
                )
                ours(local, texts[:2], sampling)
                theirs(peer, tokenizer, texts[:2], 2, **extra)
                rates, peers = [], []
                for _ in range(options.repeat):  # taking turns: both see the same machine
                    seconds, tokens = ours(local, texts, sampling)
                    rates.append(tokens / seconds)
                    seconds, tokens = theirs(peer, tokenizer, texts, options.new, **extra)
                    peers.append(tokens / seconds)
                ratio = statistics.median(rates) / statistics.median(peers)
                print(
                    f"{dtype:9} {case}: {statistics.median(rates):.0f} new tokens/s "
                    f"({min(rates):.0f}-{max(rates):.0f}), generate {statistics.median(peers):.0f} "
                    f"({min(peers):.0f}-{max(peers):.0f}): {ratio:.2f} times"
                )
            asyncio.run(local.close())


if __name__ == "__main__":
    main()
