"""Supervised fine-tuning on the answers, with TRL and PEFT: all weights, or LoRA by one setting.

The training of Self-Instruct (2022, arXiv 2212.10560), Alpaca (2023) and most since: loss on the
answer and its stop token, AdamW, a warmup, then a falling rate. LoRA is that of E. Hu et al. (2021,
arXiv 2106.09685) on every linear layer, its alpha twice the rank. Ours differs in that the mask of
every row is proved before the first step (``didact.text.masks``), a row that fails or does not fit
the context is refused and listed instead of cut, and a killed training goes on from its last
checkpoint to the same weights. A model without a chat template gets that of ``didact.text.chat``.
No calls.

Under ``out``: ``model/`` is what was learned, ready to load (LoRA merged; alone in ``adapter/``),
``metrics.jsonl`` the loss of every step, ``refused.jsonl`` the rows left out and why, and
``state.json`` what it was made from.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from didact.components import fingerprint
from didact.context import Context
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.inference import weights
from didact.inference.memory import give_back
from didact.records import JSON, Example, digest, operational
from didact.text.chat import ALPACA_TEMPLATE
from didact.text.masks import Row, masked_row
from didact.training import artefact, checkpoint
from didact.training.batches import order
from didact.training.curve import Curve
from didact.training.lean import COLUMNS, Untyped, lean_trainer, renamed

__all__ = ["SFT"]

Precision = Literal["bfloat16", "float32"]

_SHORT = 256
"""Tokens up to which a CPU is given plain attention: the way back of torch's fused one is so slow
there that a step takes 0.6 of the time at 50 tokens, 0.65 at 120 and 1.4 only at 400."""


class _Plan(NamedTuple):
    """What is trained in which order."""

    rows: list[int]
    tokens: list[int]
    """Of every step, padding excluded."""
    at_once: int
    parts: int
    """How often ``at_once`` rows make a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SFT:
    """Fine-tunes all weights, or a LoRA adapter, on the answers of the examples."""

    version: ClassVar[str] = "1"

    lora: int = 0
    """Rank of the LoRA adapter; 0 trains all weights."""
    epochs: float = 3
    """How many times every example is seen."""
    learning_rate: float | None = None
    """The highest rate; by default 2e-5 for all weights, 2e-4 for LoRA."""
    batch: int = 32
    """Examples per step."""
    warmup: float = 0.03
    """Share of the steps in which the rate rises."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after that."""
    weight_decay: float = 0.0
    """Decay of the weight matrices per step, times the rate."""
    max_length: int | None = None
    """Most tokens of an example, a longer one is refused; by default the model's context."""
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Of the arithmetic; auto: bfloat16 where the processor has it. Trained weights are float32."""
    at_once: int | None = operational(None)
    """Examples in memory at once, a divisor of batch, where a whole batch does not fit; a CPU takes
    a batch in parts by itself."""
    save_seconds: float = operational(60.0)
    """Seconds between checkpoints: the most work that a kill can cost."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate", "max_length", "at_once"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be more than 0, not {value}")
        if self.lora < 0 or not 0 <= self.warmup < 1:
            raise ConfigError("lora must not be negative, and warmup at least 0 and below 1")
        if self.at_once is not None and self.batch % self.at_once:
            raise ConfigError(f"at_once must divide batch, and {self.at_once} does not")

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Trains ``base`` on the examples; the directory of the tuned model."""
        source = weights.locate(str(base))
        precision = self.dtype if self.dtype != "auto" else _precision()
        made_from: dict[str, JSON] = {
            "trainer": fingerprint(self),
            "base": weights.fingerprint(source),
            "examples": digest([example.id for example in examples]),
            "seed": ctx.seed,
            "dtype": precision,
        }

        def make() -> dict[str, JSON]:
            return self._train(ctx, examples, source, out, precision)

        summary = artefact.made_once(out, made_from, make)
        if summary is None:
            return out / "model"
        give_back()
        ctx.note("trained", **summary)
        return out / "model"

    def _train(
        self,
        ctx: Context,
        examples: Sequence[Example],
        source: Path,
        out: Path,
        precision: Precision,
    ) -> dict[str, JSON]:
        # LoRA leaves the base as it is: on a GPU half the memory will do for it.
        frozen = self.lora > 0 and precision == "bfloat16" and _device() == "cuda"
        loaded = weights.load(source, device="auto", dtype="bfloat16" if frozen else "float32")
        tokenizer: Untyped = loaded.tokenizer
        # The mask comes from the labels, so padding with the end token hides no end from the loss.
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token or tokenizer.eos_token
        tokenizer.chat_template = tokenizer.chat_template or ALPACA_TEMPLATE
        limits = [limit for limit in (self.max_length, loaded.limit) if limit is not None]
        rows = _rows(ctx, examples, tokenizer, limit=min(limits, default=None), out=out)
        plan = self._plan(ctx, rows)
        if _device() == "cpu" and max(len(row.ids) for row in rows) <= _SHORT:
            loaded.model.set_attn_implementation("eager")
        folder = out / "checkpoints"
        newest = checkpoint.newest(folder)
        curve = Curve(
            out / "metrics.jsonl",
            tokens=plan.tokens,
            note=ctx.note,
            done=checkpoint.step_of(newest) if newest else 0,
        )
        with renamed():
            trainer = lean_trainer(
                curve=curve,
                folder=folder,
                seconds=self.save_seconds,
                model=loaded.model,
                processing_class=tokenizer,
                train_dataset=_dataset(rows, plan.rows),
                args=self._arguments(ctx, plan, precision, out),
                peft_config=self._adapter(),
            )
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)
        stops = {row.labels[-1] for row in rows}
        artefact.save(trainer.model, tokenizer, source=source, out=out, stops=stops)
        return {
            "rows": len(rows),
            "refused": len(examples) - len(rows),
            "steps": len(plan.tokens),
            "tokens": sum(plan.tokens),
            "loss": curve.last,
        }

    def _plan(self, ctx: Context, rows: Sequence[Row]) -> _Plan:
        lengths = [len(row.ids) for row in rows]
        # A batch larger than the data would hold its rows twice.
        at_once = min(self.at_once or self.batch, len(rows))
        batch = min(self.batch, len(rows) // at_once * at_once)
        planned = order(lengths, batch=batch, epochs=self.epochs, rng=ctx.rng("order"))
        steps = (planned[start : start + batch] for start in range(0, len(planned), batch))
        tokens = [sum(lengths[row] for row in step) for step in steps]
        return _Plan(planned, tokens, at_once, batch // at_once)

    def _arguments(self, ctx: Context, plan: _Plan, precision: Precision, out: Path) -> Untyped:
        return import_module("trl.trainer.sft_config").SFTConfig(
            output_dir=str(out),
            seed=ctx.seed % 2**32,
            # The data set is the plan: every epoch of it, batch after batch.
            num_train_epochs=1,
            train_sampling_strategy="sequential",
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=None,
            pad_to_multiple_of=COLUMNS,
            per_device_train_batch_size=plan.at_once,
            gradient_accumulation_steps=plan.parts,
            learning_rate=self.learning_rate or (2e-4 if self.lora else 2e-5),
            lr_scheduler_type=_SCHEDULES[self.schedule],
            warmup_steps=self.warmup,
            weight_decay=self.weight_decay,
            bf16=precision == "bfloat16",
            use_cpu=_device() == "cpu",
            gradient_checkpointing=False,
            dataloader_pin_memory=_device() == "cuda",
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )

    def _adapter(self) -> Untyped:
        if not self.lora:
            return None
        return import_module("peft").LoraConfig(
            r=self.lora,
            lora_alpha=2 * self.lora,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )


_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _precision() -> Precision:
    import torch

    if _device() == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    # Where a processor only emulates bfloat16, it is several times slower than float32.
    known: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict[str, Any])()
    native = any("bf16" in name and has for name, has in known.items())
    return "bfloat16" if native and _device() == "cpu" else "float32"


def _rows(
    ctx: Context, examples: Sequence[Example], tokenizer: Untyped, *, limit: int | None, out: Path
) -> list[Row]:
    """The rows whose mask is proved; the others are listed."""
    rows: list[Row] = []
    refused: list[tuple[str, str]] = []
    for example in examples:
        row = masked_row(example.messages, tokenizer, max_length=limit)
        if isinstance(row, Row):
            rows.append(row)
        else:
            refused.append((example.id, row.reason))
    lines = [json.dumps({"id": id, "reason": reason}) + "\n" for id, reason in refused]
    with storing(out):
        (out / "refused.jsonl").write_text("".join(lines), encoding="utf-8")
    # What follows a colon is about one row, and would make every reason its own.
    reasons = Counter(reason.partition(":")[0] for _, reason in refused)
    ctx.note("rows", kept=len(rows), refused=len(refused), reasons=dict(reasons))
    if not rows:
        counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        raise DidactError(
            f"train: none of {len(examples)} examples can be trained on"
            f" ({counted or 'none given'}); {out / 'refused.jsonl'} lists them"
        )
    return rows


def _dataset(rows: Sequence[Row], plan: Sequence[int]) -> Untyped:
    columns = {"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]}
    return import_module("datasets").Dataset.from_dict(columns).select(plan)
