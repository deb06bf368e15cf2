"""Fine-tuning on a GPU: ours beside TRL's defaults, full and LoRA, with the share of its matmuls.

    python benchmarks/gpu_sft.py [--width 2048] [--layers 16] [--steps 30] [--batch 16]

A LLaMA with random weights, about 1.1 billion parameters as it stands, is tuned in bfloat16 on rows
of about 500 tokens. Every arm has a process of its own. Reported: tokens per second without
padding, six times parameters times tokens against the best bfloat16 matmul measured in the same
run (for LoRA four times, since frozen weights have no gradient), the peak of GPU memory, and TRL's
defaults beside it. No figure of a GPU is on record: only the arms ``trl`` and ``ours`` were run, on
a CPU at a tiny size (``--width 64 --layers 2 --batch 4``); the other three were not run at all.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from random_llama import WORDS, write_llama
from sft import Watch, counting, quiet

from didact.context import Context
from didact.records import Example, Origin
from didact.text.chat import ALPACA_TEMPLATE
from didact.trainers.sft import SFT

ARMS = ("trl", "ours", "packed", "trl lora", "ours lora")
SKIPPED = 5
RANK = 16


def examples_of(count: int, words: int) -> list[Example]:
    draw = random.Random(1)
    made: list[Example] = []
    for _ in range(count):
        instruction = " ".join(draw.choices(WORDS, k=draw.randint(words // 4, words // 2)))
        answer = " ".join(draw.choices(WORDS, k=draw.randint(words // 4, words)))
        made.append(Example.single(instruction, answer, origin=Origin(recipe="benchmark")))
    return made


def trl(base: Path, examples: list[Example], out: Path, batch: int, *, lora: bool) -> float:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    rows = [
        {
            "prompt": [message.to_json() for message in example.prompt],
            "completion": [example.messages[-1].to_json()],
        }
        for example in examples
    ]
    watch = Watch()
    adapter = LoraConfig(
        r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    trainer = SFTTrainer(
        model=str(base),
        args=SFTConfig(
            output_dir=str(out),
            num_train_epochs=1,
            per_device_train_batch_size=batch,
            use_cpu=not torch.cuda.is_available(),
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(str(base)),
        peft_config=adapter if lora else None,
        callbacks=[watch],
    )
    tokens = counting(trainer)
    trainer.train()
    return watch.speed(tokens)


def ours(
    base: Path, examples: list[Example], out: Path, batch: int, *, lora: bool, packing: bool
) -> float:
    watch = Watch()
    SFT(
        epochs=1, batch=batch, dtype="bfloat16", lora=RANK if lora else 0, packing=packing,
        save_seconds=1e6,
    ).train(Context({}, on_event=watch.on_event), examples, base, out)  # fmt: skip
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return watch.speed([json.loads(line)["tokens"] for line in lines])


def peak() -> float:
    """Floating-point operations a second of the best bfloat16 matmul."""
    place = "cuda" if torch.cuda.is_available() else "cpu"
    size = 8192 if place == "cuda" else 512
    a, b = (torch.randn(size, size, dtype=torch.bfloat16, device=place) for _ in range(2))
    best = 0.0
    for _ in range(10):
        _wait()
        start = time.perf_counter()
        a @ b
        _wait()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def one_arm(options: argparse.Namespace) -> None:
    examples = examples_of(options.steps * options.batch, options.words)
    lora = "lora" in options.arm
    with tempfile.TemporaryDirectory() as folder:
        given = (options.base, examples, Path(folder, "out"), options.batch)
        if options.arm.startswith("trl"):
            speed = trl(*given, lora=lora)
        else:
            speed = ours(*given, lora=lora, packing=options.arm == "packed")
    used = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
    print(json.dumps({"speed": speed, "gib": used}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--words", type=int, default=150)
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    quiet()
    if options.arm:
        one_arm(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, "base")
        parameters = write_llama(
            base,
            width=options.width,
            inner=4 * options.width,
            layers=options.layers,
            heads=max(1, options.width // 64),
            vocabulary=2048,
            template=ALPACA_TEMPLATE,
        )
        best = peak()
        print(f"{parameters:,} parameters; bfloat16 matmul {best / 1e12:,.1f} TFLOP/s at best")
        for arm in ARMS:
            command = [sys.executable, __file__, "--arm", arm, "--base", str(base)]
            for name in ("steps", "batch", "words"):
                command += [f"--{name}", str(getattr(options, name))]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            values = json.loads(done.stdout.splitlines()[-1])
            share = (4 if "lora" in arm else 6) * parameters * values["speed"] / best
            print(
                f"  {arm:10} {values['speed']:9,.0f} tokens/s  {share:5.1%} of matmul"
                f"  {values['gib']:.1f} GiB at the peak"
            )


if __name__ == "__main__":
    main()
