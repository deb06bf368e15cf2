"""IFD over many examples, against the loop of the public implementations, in one run.

    python benchmarks/ifd.py [--count 2000] [--threads 2] [--dtype float32] [--model DIR] [--rows F]

The loop is written here as they have it: one example at a time, two forward passes with labels, the
text made into tokens once more to find where the answer begins, all hidden states asked for. Ours
is the filter as a run uses it, its call log in a file. Both load the same weights in the same
precision. Seconds depend on the machine and on what else it does: the ratio is the result. The two
are timed in turns over parts of the examples, so that a busy minute falls on both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers

from didact.calls import CallLog
from didact.components import find
from didact.context import Context
from didact.filters.ifd import Ifd
from didact.models.embedded import Embedded
from didact.models.scorer import Scorer
from didact.records import Example


def conditional(tokenizer, model, text: str, answer: str, most: int) -> float:
    ids = tokenizer.encode(text, return_tensors="pt", truncation=True, max_length=most)
    start = len(tokenizer.encode(text[: text.rfind(answer)]))
    labels = ids.clone()
    labels[0, :start] = -100
    with torch.no_grad():
        return model(ids, labels=labels, output_hidden_states=True).loss.to("cpu").item()


def loop(tokenizer, model, examples: list[Example], filter: Ifd, most: int) -> list[float]:
    scores = []
    for example in examples:
        prompt, alone = filter._prompts(example)
        given = conditional(tokenizer, model, prompt + example.output, example.output, most)
        length = len(tokenizer.encode(prompt, truncation=True, max_length=most))
        if filter.definition == "cherry":
            other = conditional(
                tokenizer, model, alone + example.output, example.output, most - length + 4
            )
            scores.append(given / other)
        else:
            ids = tokenizer.encode(
                example.output, return_tensors="pt", truncation=True, max_length=most - length + 1
            )
            with torch.no_grad():
                out = model(ids, labels=ids.contiguous(), output_hidden_states=True)
            scores.append((torch.exp(torch.tensor(given)) / torch.exp(out.loss)).item())
    return scores


def ours(scorer: Scorer, examples: list[Example], filter: Ifd, log: Path) -> list[float | None]:
    async def every() -> list[float | None]:
        calls = CallLog.open(log, write=True)
        ctx = Context({"scorer": scorer}, log=calls, max_failures=len(examples))
        try:
            return [verdict.score async for verdict in filter.sift(ctx, examples)]
        finally:
            calls.close()

    return asyncio.run(every())


def read(rows: Path | None, count: int) -> list[Example]:
    if rows is None:
        found = list(find("sources", "microworld")(count=count).read())
    else:
        found = [one for one in find("sources", "jsonl")(path=rows).read() if one.output.strip()]
    return found[:count]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--parts", type=int, default=4)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--dtype", default="float32")
    options.add_argument("--model", default=str(Embedded.directory()))
    options.add_argument("--rows", type=Path, help="JSON Lines; by default tasks of the microworld")
    options.add_argument("--definition", action="append", choices=["cherry", "superfiltering"])
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        given.model, dtype=getattr(torch, given.dtype)
    ).eval()
    most = min(1024, getattr(model.config, "max_position_embeddings", 1024))
    examples = read(given.rows, given.count)
    for definition in given.definition or ["cherry", "superfiltering"]:
        filter = Ifd(definition=definition)
        scorer = Scorer(path=given.model, device="cpu", dtype=given.dtype)
        # Both have their weights loaded before the clock starts.
        loop(tokenizer, model, examples[:5], filter, most)
        with tempfile.TemporaryDirectory() as folder:
            ours(scorer, examples[:5], filter, Path(folder) / "calls.db")
        seconds = {"wall": [], "cpu": []}
        apart = []
        size = -(-len(examples) // given.parts)
        for start in range(0, len(examples), size):
            part = examples[start : start + size]
            times = [(time.perf_counter(), time.process_time())]
            theirs = loop(tokenizer, model, part, filter, most)
            times.append((time.perf_counter(), time.process_time()))
            with tempfile.TemporaryDirectory() as folder:
                own = ours(scorer, part, filter, Path(folder) / "calls.db")
            times.append((time.perf_counter(), time.process_time()))
            for name, at in (("wall", 0), ("cpu", 1)):
                first, second = (times[n + 1][at] - times[n][at] for n in (0, 1))
                seconds[name].append((first, second))
            apart += [
                abs(a - b) for a, b in zip(theirs, own, strict=True) if b is not None and a == a
            ]
        result = {"definition": definition, "examples": len(examples), "dtype": given.dtype}
        for name, pairs in seconds.items():
            theirs, own = (sum(pair[n] for pair in pairs) for n in (0, 1))
            ratios = [round(a / b, 2) for a, b in pairs]
            result |= {f"{name}_loop": round(theirs, 2), f"{name}_ours": round(own, 2)}
            result |= {f"{name}_ratio": round(theirs / own, 2), f"{name}_ratios": ratios}
        result |= {
            "median_apart": round(statistics.median(apart), 6),
            "most_apart": round(max(apart), 4),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
