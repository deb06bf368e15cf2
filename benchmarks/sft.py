"""Fine-tuning on the CPU: ours beside TRL's defaults, a plain Trainer and a loop written by hand.

    python benchmarks/sft.py [--model 15m] [--model embedded] [--steps 55] [--batch 8] [--equal 50]

Answers-only fine-tuning of all weights in bfloat16, of the embedded model on its own world's tasks
and of a random LLaMA of 15 million parameters on rows of about 120 tokens. Every arm trains the
same examples in a process of its own, one after the other: TRL's SFTTrainer with its defaults, the
Trainer of transformers with rows grouped by length, and ours. Tokens per second leave padding and
the first five steps out; six times parameters times tokens is the arithmetic, compared to the best
bfloat16 matmul measured in the same run. ``--equal N`` compares the losses of N steps in float32 to
those of a loop that knows nothing of ours but the order of rows.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from datasets import Dataset, disable_progress_bars
from random_llama import WORDS, write_llama
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_cosine_schedule_with_warmup,
    logging,
)

from didact.context import Context
from didact.models.embedded import Embedded
from didact.records import Example, Origin
from didact.sources.jsonl import Jsonl
from didact.text.chat import ALPACA_TEMPLATE
from didact.text.loss_masks import MASKS
from didact.trainers.sft import SFT
from didact.training.batches import order
from didact.training.rows import rows_of

SKIPPED = 5
RATE = 2e-5
SHAPE = {"width": 384, "inner": 1024, "layers": 8, "heads": 6, "vocabulary": 4096}
ARMS = ("trl", "trainer", "ours")


def examples_of(model: str, count: int) -> list[Example]:
    """Tasks of the embedded model's world, or made-up words of spread lengths."""
    if model == "embedded":
        found = list(Jsonl(path=Embedded.directory() / "heldout.jsonl").read())
        return [found[place % len(found)] for place in range(count)]
    draw = random.Random(1)
    made: list[Example] = []
    for _ in range(count):
        instruction = " ".join(draw.choices(WORDS, k=draw.randint(20, 70)))
        answer = " ".join(draw.choices(WORDS, k=min(120, 5 + int(draw.expovariate(1 / 40)))))
        made.append(Example.single(instruction, answer, origin=Origin(recipe="benchmark")))
    return made


class Watch(TrainerCallback):
    """The end of every step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        self.times.append(time.perf_counter())

    def on_event(self, event: str, _: object) -> None:
        if event == "train":
            self.times.append(time.perf_counter())

    def speed(self, tokens: list[int]) -> float:
        return sum(tokens[SKIPPED : len(self.times)]) / (self.times[-1] - self.times[SKIPPED - 1])


def counting(trainer: Trainer) -> list[int]:
    """Tokens of every batch, padding left out, as the trainer's collator sees them."""
    tokens: list[int] = []
    collate = trainer.data_collator

    def counted(batch: list[dict[str, list[int]]]) -> object:
        tokens.append(sum(len(row["input_ids"]) for row in batch))
        return collate(batch)

    trainer.data_collator = counted
    return tokens


def common(out: Path, batch: int) -> dict[str, object]:
    return {
        "output_dir": str(out), "use_cpu": True, "num_train_epochs": 1, "learning_rate": RATE,
        "per_device_train_batch_size": batch, "logging_strategy": "no", "save_strategy": "no",
        "report_to": "none", "disable_tqdm": True,
    }  # fmt: skip


def trl(base: Path, examples: list[Example], out: Path, batch: int) -> float:
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.chat_template = tokenizer.chat_template or ALPACA_TEMPLATE
    rows = [
        {
            "prompt": [message.to_json() for message in example.prompt],
            "completion": [example.messages[-1].to_json()],
        }
        for example in examples
    ]
    watch = Watch()
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32),
        args=SFTConfig(**common(out, batch)),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[watch],
    )
    assert trainer.args.bf16
    tokens = counting(trainer)
    trainer.train()
    return watch.speed(tokens)


def trainer(base: Path, examples: list[Example], out: Path, batch: int) -> float:
    from transformers import DataCollatorForSeq2Seq

    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.chat_template = tokenizer.chat_template or ALPACA_TEMPLATE
    rows = rows_of(examples, tokenizer, mask=MASKS["answers"], limit=None).rows
    watch = Watch()
    plain = Trainer(
        model=AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32),
        args=TrainingArguments(
            **common(out, batch), bf16=True, train_sampling_strategy="group_by_length"
        ),
        train_dataset=Dataset.from_dict(
            {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
        ),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=[watch],
    )
    tokens = counting(plain)
    plain.train()
    return watch.speed(tokens)


def ours(base: Path, examples: list[Example], out: Path, batch: int) -> float:
    watch = Watch()
    SFT(epochs=1, batch=batch, dtype="bfloat16", learning_rate=RATE).train(
        Context({}, on_event=watch.on_event), examples, base, out
    )
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return watch.speed([json.loads(line)["tokens"] for line in lines])


def peak() -> float:
    """Floating-point operations a second of the best bfloat16 matmul of some sizes."""
    best = 0.0
    for size in (512, 1024, 2048):
        a, b = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))
        for _ in range(3):
            a @ b
        for _ in range(5):
            start = time.perf_counter()
            a @ b
            best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def equality(base: Path, examples: list[Example], steps: int, batch: int) -> float:
    """Largest difference of a step's loss between ours and the loop, in float32."""
    settings = {"epochs": 1, "batch": batch, "learning_rate": 1e-3, "warmup": 0.1}
    with tempfile.TemporaryDirectory() as out:
        context = Context({}, seed=3)
        SFT(**settings, dtype="float32").train(context, examples, base, Path(out))
        lines = Path(out, "metrics.jsonl").read_text().splitlines()
        found = [json.loads(line)["loss"] for line in lines]
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.chat_template = tokenizer.chat_template or ALPACA_TEMPLATE
    rows = rows_of(examples, tokenizer, mask=MASKS["answers"], limit=None).rows
    lengths = [len(row.ids) for row in rows]
    plan = order(lengths, batch=batch, epochs=1, rng=Context({}, seed=3).rng("order"))
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, -(-steps // 10), steps)
    expected: list[float] = []
    for step in range(steps):
        chosen = [rows[place] for place in plan[step * batch : (step + 1) * batch]]
        count = sum(label != -100 for row in chosen for label in row.labels[1:])
        total = 0.0
        for row in chosen:
            logits = model(torch.tensor([row.ids])).logits[0, :-1]
            targets = torch.tensor(row.labels[1:])
            loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum") / count
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        expected.append(total)
    return max(abs(a - b) for a, b in zip(found, expected, strict=True))


def quiet() -> None:
    warnings.filterwarnings("ignore", category=FutureWarning)  # TRL uses names that changed
    disable_progress_bars()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def one_arm(arm: str, model: str, base: Path, steps: int, batch: int) -> None:
    """What a process of its own does: prints what it measured."""
    torch.manual_seed(0)
    train = {"trl": trl, "trainer": trainer, "ours": ours}[arm]
    with tempfile.TemporaryDirectory() as out:
        speed = train(base, examples_of(model, steps * batch), Path(out, "out"), batch)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"speed": speed, "gib": used}))


def compare(model: str, base: Path, parameters: int, options: argparse.Namespace) -> None:
    found: dict[str, dict[str, float]] = {}
    for arm in ARMS:
        command = [sys.executable, __file__, "--arm", arm, "--base", str(base), "--model", model]
        command += ["--steps", str(options.steps), "--batch", str(options.batch)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[arm] = json.loads(done.stdout.splitlines()[-1])
    best = peak()
    print(
        f"{model}: {parameters:,} parameters, {options.steps} steps of {options.batch} rows,"
        f" {torch.get_num_threads()} threads; bfloat16 matmul {best / 1e9:,.0f} GFLOP/s at best"
    )
    for arm, values in found.items():
        share = 6 * parameters * values["speed"] / best
        trl_speed, trainer_speed = found["trl"]["speed"], found["trainer"]["speed"]
        print(
            f"  {arm:8} {values['speed']:8,.0f} tokens/s  x{values['speed'] / trl_speed:.2f}"
            f" of TRL  x{values['speed'] / trainer_speed:.2f} of Trainer"
            f"  {share:5.1%} of matmul  {values['gib']:.2f} GiB at the peak"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", choices=["15m", "embedded"])
    parser.add_argument("--steps", type=int, default=55)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--equal", type=int, default=0)
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not SKIPPED < options.steps <= 100:
        parser.error("--steps must be between 6 and 100")
    quiet()
    models = options.model or ["embedded", "15m"]
    if options.arm:
        one_arm(options.arm, models[0], options.base, options.steps, options.batch)
        return
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            base = Embedded.directory() if model == "embedded" else Path(folder, model)
            parameters = 4_117_344
            if model == "15m":
                parameters = write_llama(base, template=ALPACA_TEMPLATE, **SHAPE)
            if options.equal:
                some = examples_of(model, options.equal * options.batch)
                gap = equality(base, some, options.equal, options.batch)
                print(
                    f"{model}: {options.equal} steps in float32 lose what a plain loop does,"
                    f" but for {gap:.1e}"
                )
            else:
                compare(model, base, parameters, options)


if __name__ == "__main__":
    main()
