"""Supervised fine-tuning on the answers, with TRL and PEFT: all weights, LoRA, or LoRA on 4 bits.

The training of Self-Instruct (2022, arXiv 2212.10560), Alpaca (2023) and most since: loss on the
answers and their stop tokens, AdamW, a warmup, then a falling rate. LoRA is that of E. Hu et al.
(2021, arXiv 2106.09685) on every linear layer, its alpha twice the rank. Ours differs in that the
mask of every row is proved before the first step (``didact.text.masks``), a row that fails or does
not fit the context is refused and listed instead of cut, the arithmetic is proved on some rows
(``didact.training.proofs``), and a killed training goes on from its last checkpoint to the same
weights. A model without a chat template gets one that is saved with it. No calls.

Under ``out``: ``model/`` is what was learned, ready to load (LoRA merged; alone in ``adapter/``),
``metrics.jsonl`` the loss of every step, ``held_out.jsonl`` that of rows not trained,
``refused.jsonl`` the rows left out and why, ``proofs.json`` what was proved, and ``state.json``
what it was made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from didact.components import fingerprint
from didact.context import Context
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.inference import weights
from didact.inference.memory import give_back
from didact.records import JSON, Example, digest, operational
from didact.text.loss_masks import MASKS, MaskName, applied
from didact.text.masks import IGNORED, Row, masked_row
from didact.text.templates import TemplateName
from didact.training import adapters, artefact, checkpoint, hardware, proofs
from didact.training.arguments import arguments
from didact.training.curve import Curve
from didact.training.held_out import HeldOut, due_at, split
from didact.training.lean import lean_trainer, renamed
from didact.training.packing import Collator
from didact.training.planning import Plan, curriculum_of, plan_of
from didact.training.proofs import Proof
from didact.training.row_proofs import Tokens, of_rows, ready, tokens_of, written
from didact.training.rows import Rows, rows_of, write_refused
from didact.training.tokenizing import fit_embeddings, prepared
from didact.training.untyped import Untyped
from didact.training.whole import in_one_piece

__all__ = ["SFT"]

_SHORT = 256
"""Tokens up to which a CPU is given plain attention: the way back of torch's fused one is so slow
there that a step takes 0.6 of the time at 50 tokens, 0.65 at 120 and 1.4 only at 400."""

_ROOM = 2048
"""Tokens of a packed row where neither a setting nor the model says."""


class _Loaded(NamedTuple):
    """The base, ready: its template, its rows, its adapter."""

    model: Untyped
    tokenizer: Untyped
    limit: int | None
    found: Rows
    held: Rows
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SFT:
    """Fine-tunes all weights, or a LoRA adapter, on the answers of the examples."""

    version: ClassVar[str] = "2"

    lora: int = 0
    """Rank of the LoRA adapter; 0 trains all weights."""
    alpha: float | None = None
    """LoRA's scale; by default twice the rank."""
    targets: tuple[str, ...] = ()
    """Endings of the names of the layers that LoRA adapts; by default every linear one."""
    lora_dropout: float = 0.0
    """Share of an adapter's inputs that are left out in training."""
    four_bit: bool = False
    """QLoRA: the base in 4 bits, an adapter on it; needs a GPU, and lora."""
    adapter: Path | None = None
    """An adapter made on this base, to go on with in place of a new one."""
    template: TemplateName = "auto"
    """Chat template for a base without one; auto: the tokenizer's own, else didact."""
    loss_on: MaskName = "answers"
    """What is trained: every answer and its stop token, the last one, or as a paper did it."""
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
    neftune: float = 0.0
    """NEFTune's alpha: uniform noise on the embeddings, 5 in its paper; 0 for none."""
    curriculum: str | None = None
    """A key of meta: examples with less of it come first, all their epochs (Orca: stage)."""
    bucketing: bool = True
    """Whether examples of like length share a step, which saves padding."""
    held_out: float = 0.0
    """Share of the examples, by prompt, that are not trained; their loss is told every epoch."""
    patience: int | None = None
    """Epochs without a better held-out loss after which training stops, at the best weights."""
    max_length: int | None = None
    """Most tokens of an example, a longer one is refused; by default the model's context."""
    dtype: hardware.DType = "auto"
    """Of the arithmetic; auto: bfloat16 where the processor has it. Trained weights are float32."""
    packing: bool = operational(False)
    """Several examples in one row, none of which sees another: a GPU has less padding then."""
    gradient_checkpointing: bool = operational(False)
    """Activations are computed twice instead of kept: less memory, a third more time."""
    at_once: int | None = operational(None)
    """Examples in memory at once, a divisor of batch, where a whole batch does not fit; a CPU takes
    a batch in parts by itself."""
    save_seconds: float = operational(60.0)
    """Seconds between checkpoints: the most work that a kill can cost."""

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "batch",
            "learning_rate",
            "max_length",
            "at_once",
            "alpha",
            "patience",
        ):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be more than 0, not {value}")
        if self.lora < 0 or not 0 <= self.warmup < 1:
            raise ConfigError("lora must not be negative, and warmup at least 0 and below 1")
        if self.at_once is not None and self.batch % self.at_once:
            raise ConfigError(f"at_once must divide batch, and {self.at_once} does not")
        self._check_together()

    def _check_together(self) -> None:
        if self.neftune < 0 or not 0 <= self.lora_dropout < 1 or not 0 <= self.held_out < 1:
            raise ConfigError(
                "neftune must not be negative, lora_dropout and held_out at least 0 and below 1"
            )
        if self.patience is not None and not self.held_out:
            raise ConfigError("patience needs examples to measure: set held_out, to 0.05 perhaps")
        if self.four_bit and not (self.lora or self.adapter):
            raise ConfigError("four_bit (QLoRA) trains an adapter: set lora, to 16 perhaps")
        if self.adapter and self.lora:
            raise ConfigError("adapter has a rank already: leave lora out, or adapter")
        if not (self.lora or self.adapter) and (self.targets or self.alpha or self.lora_dropout):
            raise ConfigError("targets, alpha and lora_dropout are of LoRA: set lora")
        if self.neftune and self.packing:
            raise ConfigError("neftune scales its noise by the length of a row: not with packing")

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Trains ``base`` on the examples; the directory of the tuned model."""
        source = weights.locate(str(base))
        made_from: dict[str, JSON] = {
            "trainer": fingerprint(self),
            "base": weights.fingerprint(source),
            "examples": digest([example.id for example in examples]),
            "seed": ctx.seed,
            "dtype": hardware.precision(self.dtype),
        }

        def make() -> dict[str, JSON]:
            return self._train(ctx, examples, source, out)

        summary = artefact.made_once(out, made_from, make)
        if summary is None:
            return out / "model"
        give_back()
        ctx.note("trained", **summary)
        return out / "model"

    def prove(self, ctx: Context, examples: Sequence[Example], base: Path) -> list[Proof]:
        """What training would prove of these examples before it began; trains nothing."""
        whole = replace(self, held_out=0.0, patience=None)
        proved = whole._proved(whole._load(ctx, examples, weights.locate(str(base))))
        give_back()
        return proved

    def tokens(self, example: Example, base: Path) -> list[Tokens]:
        """The row that an example becomes, token by token."""
        tokenizer, _, context = ready(weights.locate(str(base)), self.template)
        limits = [limit for limit in (self.max_length, context) if limit is not None]
        row = masked_row(example.messages, tokenizer, max_length=min(limits, default=None))
        if isinstance(row, Row):
            row = applied(MASKS[self.loss_on], row)
        return [tokens_of("", row, tokenizer)]

    def _train(
        self, ctx: Context, examples: Sequence[Example], source: Path, out: Path
    ) -> dict[str, JSON]:
        loaded = self._load(ctx, examples, source)
        found, model = loaded.found, loaded.model
        write_refused(found, out, of=len(examples), note=ctx.note)
        ctx.note("template", name=loaded.template)
        plan = self._plan(ctx, found, examples)
        folder = out / "checkpoints"
        newest = checkpoint.newest(folder)
        done = checkpoint.step_of(newest) if newest else 0
        if not done:
            self._demand(ctx, loaded, out)
        curve = Curve(out / "metrics.jsonl", tokens=plan.tokens, note=ctx.note, done=done)
        first = [found.rows[place] for place in plan.rows[: plan.batch]]
        held = self._held(ctx, loaded, plan, out, done=done)
        with renamed():
            trainer = lean_trainer(
                curve=curve,
                folder=folder,
                seconds=self.save_seconds,
                names=found.ids,
                started=None if done else self._started(model, first),
                model=model,
                processing_class=loaded.tokenizer,
                data_collator=self._collator(loaded),
                train_dataset=import_module("datasets").Dataset.from_dict({"row": plan.laid}),
                args=self._arguments(ctx, plan, out),
            )
        if held is not None:
            trainer.add_callback(held.callback(trainer.accelerator.autocast))
        if held is None or not held.over:
            trainer.train(resume_from_checkpoint=str(newest) if newest else None)
        if held is not None:
            held.finish(trainer.model)
        trained = in_one_piece(trainer)
        artefact.save(trained, loaded.tokenizer, source=source, out=out, stops=found.stops)
        return self._summary(loaded, plan, curve, held, refused=len(found.refused))

    def _summary(
        self, loaded: _Loaded, plan: Plan, curve: Curve, held: HeldOut | None, *, refused: int
    ) -> dict[str, JSON]:
        more: dict[str, JSON] = {}
        if held is not None:
            best = min(float(row["loss"]) for row in held.curve)
            more = {"held_out": len(loaded.held.rows), "held_out_loss": best}
        return {
            "rows": len(loaded.found.rows),
            "refused": refused,
            "steps": len(plan.tokens),
            "tokens": sum(plan.tokens),
            "loss": curve.last,
            "template": loaded.template,
            **more,
        }

    def _load(self, ctx: Context, examples: Sequence[Example], source: Path) -> _Loaded:
        if self.adapter is not None:
            adapters.check_adapter(self.adapter, source)
        if self.four_bit:
            hardware.needs_four_bit()
        # LoRA leaves the base as it is: on a GPU half the memory will do for it.
        lora = self.lora > 0 or self.adapter is not None
        half = lora and hardware.precision(self.dtype) == "bfloat16" and hardware.device() == "cuda"
        loaded = weights.load(
            source,
            device="cpu" if self.four_bit else "auto",
            dtype="bfloat16" if half else "float32",
        )
        model: Untyped = adapters.four_bit_model(source) if self.four_bit else loaded.model
        tokenizer: Untyped = loaded.tokenizer
        told = prepared(tokenizer, template=self.template, base=source)
        new = fit_embeddings(model, tokenizer, told.added)
        limits = [limit for limit in (self.max_length, loaded.limit) if limit is not None]
        limit = min(limits, default=None)
        trained, kept = split(examples, self.held_out, ctx.rng("held out"))
        found = rows_of(trained, tokenizer, mask=MASKS[self.loss_on], limit=limit)
        held = rows_of(kept, tokenizer, mask=MASKS[self.loss_on], limit=limit)
        found.refused += held.refused
        # LoRA begins with random numbers.
        import_module("transformers").set_seed(ctx.seed % 2**32)
        model = adapters.attached(
            model,
            adapters.AdapterSettings(self.lora, self.alpha, self.targets, self.lora_dropout),
            task="CAUSAL_LM",
            new_tokens=new,
            adapter=self.adapter,
        )
        longest = max((len(row.ids) for row in found.rows), default=0)
        if hardware.device() == "cpu" and longest <= _SHORT:
            model.set_attn_implementation("eager")
        return _Loaded(model, tokenizer, limit, found, held, str(told))

    def _proved(self, loaded: _Loaded) -> list[Proof]:
        proved = of_rows(
            loaded.found,
            loaded.tokenizer,
            loss_on=self.loss_on,
            template=loaded.template,
            limit=loaded.limit,
        )
        rows = loaded.found.rows
        if not rows:
            return proved
        room = self._room(loaded)
        proved += proofs.arithmetic(
            loaded.model, rows, room=room, pack=self.packing, new=self.adapter is None
        )
        given = room if self.packing else None
        return [*proved, proofs.start(loaded.model, rows, room=given, loose=False)]

    def _demand(self, ctx: Context, loaded: _Loaded, out: Path) -> None:
        """The trainer refuses where a proof fails."""
        proved = self._proved(loaded)
        with storing(out):
            written(proved, out)
        ctx.note("proved", **{proof.name: proof.passed for proof in proved})
        proofs.demanded(proved)

    def _started(self, model: Untyped, first: Sequence[Row]) -> Untyped:
        """Compares the first step's loss, as it was trained, to that of the base."""
        model.eval()
        count = sum(label != IGNORED for row in first for label in row.labels[1:])
        base = sum(proofs.base_loss(model, first)) / count
        loose = bool(self.neftune or self.lora_dropout)

        def compare(loss: float) -> None:
            proofs.demanded([proofs.as_the_base(loss, base, loose=loose)])

        return compare

    def _held(
        self, ctx: Context, loaded: _Loaded, plan: Plan, out: Path, *, done: int
    ) -> HeldOut | None:
        if not self.held_out:
            return None
        if not loaded.held.rows:
            raise DidactError("train: none of the examples held out can be trained on")
        return HeldOut(
            loaded.held.rows,
            due=due_at(
                len(loaded.found.rows),
                batch=plan.batch,
                epochs=self.epochs,
                steps=len(plan.tokens),
            ),
            out=out,
            padding=loaded.tokenizer.pad_token_id or 0,
            patience=self.patience,
            note=ctx.note,
            done=done,
        )

    def _room(self, loaded: _Loaded) -> int:
        """Tokens of a packed row."""
        longest = max(len(row.ids) for row in loaded.found.rows)
        return max(loaded.limit or _ROOM, longest)

    def _collator(self, loaded: _Loaded) -> Collator:
        return Collator(
            loaded.found.rows,
            padding=loaded.tokenizer.pad_token_id or 0,
            room=self._room(loaded) if self.packing else None,
        )

    def _plan(self, ctx: Context, found: Rows, examples: Sequence[Example]) -> Plan:
        groups = curriculum_of(found, examples, self.curriculum) if self.curriculum else None
        return plan_of(
            found,
            batch=self.batch,
            at_once=self.at_once,
            epochs=self.epochs,
            rng=ctx.rng("order"),
            groups=groups,
            bucketing=self.bucketing,
        )

    def _arguments(self, ctx: Context, plan: Plan, out: Path) -> Untyped:
        settings = arguments(
            out,
            seed=ctx.seed,
            learning_rate=self.learning_rate or (2e-4 if self.lora or self.adapter else 2e-5),
            schedule=self.schedule,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            precision=hardware.precision(self.dtype),
        )
        if self.gradient_checkpointing:
            settings["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
        return import_module("trl.trainer.sft_config").SFTConfig(
            **settings,
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=None,
            per_device_train_batch_size=plan.at_once,
            gradient_accumulation_steps=plan.parts,
            neftune_noise_alpha=self.neftune or None,
            gradient_checkpointing=self.gradient_checkpointing,
        )
