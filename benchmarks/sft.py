"""Fine-tuning speed on the CPU: ours against TRL's defaults, the same rows, in one run.

    python benchmarks/sft.py [--steps 60] [--repeat 3] [--clock cpu]

A random LLaMA of 5.3 million parameters (256 wide, 6 layers, vocabulary 2048) is tuned in bfloat16
on rows of about 60 tokens, 16 at a time, by TRL's SFTTrainer with its default settings, by the same
without gradient checkpointing, and by ours, in turn. Tokens per second leave padding out and the
first five steps. Seconds depend on the machine; the ratios within one run are the result. On a
machine with other work, ``--clock cpu`` counts the seconds of the processor instead of the wall's.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from datasets import Dataset, disable_progress_bars
from random_llama import WORDS, write_llama
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, logging
from trl import SFTConfig, SFTTrainer

from didact.context import Context
from didact.records import Example, Origin
from didact.text.chat import ALPACA_TEMPLATE
from didact.trainers.sft import SFT

BATCH, SKIPPED = 16, 5


def make_examples(count: int) -> list[Example]:
    """Instructions and answers with lengths as spread as those of generated data."""
    draw = random.Random(1)
    made: list[Example] = []
    for _ in range(count):
        instruction = " ".join(draw.choices(WORDS, k=draw.randint(5, 20)))
        answer = " ".join(draw.choices(WORDS, k=min(60, 1 + int(draw.expovariate(1 / 10)))))
        made.append(Example.single(instruction, answer, origin=Origin(recipe="benchmark")))
    return made


class Watch(TrainerCallback):
    """The end of every step, for TRL's trainer and for ours."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.times: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        self.times.append(self.clock())

    def on_event(self, event: str, _: Mapping[str, object]) -> None:
        if event == "train":
            self.times.append(self.clock())

    def speed(self, tokens: list[int]) -> float:
        return sum(tokens[SKIPPED : len(self.times)]) / (self.times[-1] - self.times[SKIPPED - 1])


def trl_speed(
    base: Path, examples: list[Example], out: Path, watch: Watch, *, checkpointing: bool
) -> float:
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    rows = [
        {
            "prompt": [message.to_json() for message in example.prompt],
            "completion": [example.messages[-1].to_json()],
        }
        for example in examples
    ]
    settings = SFTConfig(
        output_dir=str(out),
        use_cpu=True,
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        gradient_checkpointing=checkpointing,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(str(base)),
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[watch],
    )
    tokens: list[int] = []
    collate = trainer.data_collator

    def counted(batch: list[dict[str, list[int]]]) -> object:
        tokens.append(sum(len(row["input_ids"]) for row in batch))
        return collate(batch)

    trainer.data_collator = counted
    trainer.train()
    return watch.speed(tokens)


def our_speed(base: Path, examples: list[Example], out: Path, watch: Watch) -> float:
    context = Context({}, on_event=watch.on_event)
    SFT(epochs=1, batch=BATCH, dtype="bfloat16").train(context, examples, base, out)
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return watch.speed([json.loads(line)["tokens"] for line in lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    if not SKIPPED < options.steps <= 100:
        parser.error("--steps must be between 6 and 100")
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    warnings.filterwarnings(
        "ignore", category=FutureWarning
    )  # TRL uses a name transformers changed
    disable_progress_bars()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    examples = make_examples(BATCH * options.steps)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, "base")
        write_llama(base, template=ALPACA_TEMPLATE)
        speeds: dict[str, list[float]] = {}
        for turn in range(options.repeat):
            out = Path(folder, f"out-{turn}")
            arms = {
                "TRL, defaults": trl_speed(
                    base, examples, out / "a", Watch(clock), checkpointing=True
                ),
                "TRL, no checkpointing": trl_speed(
                    base, examples, out / "b", Watch(clock), checkpointing=False
                ),
                "ours": our_speed(base, examples, out / "c", Watch(clock)),
            }
            for name, speed in arms.items():
                speeds.setdefault(name, []).append(speed)
    threads = torch.get_num_threads()
    print(f"{options.steps} steps of {BATCH} rows, {threads} threads, {options.clock} clock")
    first = next(iter(speeds))
    for name, values in speeds.items():
        ratios = [value / other for value, other in zip(values, speeds[first], strict=True)]
        print(
            f"{name:24} {statistics.median(values):8,.0f} tokens/s"
            f" ({min(values):,.0f}-{max(values):,.0f})  x{statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
