"""Direct preference optimisation: the better answer more likely, the worse one less.

R. Rafailov et al. (2023, arXiv 2305.18290): -log sigmoid of beta times the difference between how
much likelier the model finds the better answer than its untouched self does, and how much likelier
the worse one. ``per_token`` takes means over the tokens of an answer in place of sums, so that
length is no margin (N. Lambert et al., Tulu 3, 2024, arXiv 2411.15124). A pair is an example with
``meta["rejected"]``. On transformers and PEFT; TRL's trainer tokenises by itself, proves no mask
and cuts what is too long, so it is an oracle in our tests and not underneath.

Ours differs in that the mask of every row is proved and a row that fails is refused and listed;
answers that both conversations share are not scored; the untouched model is asked once per pair,
before the first step, and does not stay in memory; a killed training ends in the same weights
(that first pass is then done again). No calls.

Under ``out``: ``model/`` (LoRA merged; alone in ``adapter/``), ``metrics.jsonl`` with loss, margin
and accuracy of every step (at the start ln 2, 0 and about 0), ``refused.jsonl``, ``state.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from didact.components import fingerprint
from didact.context import Context
from didact.inference import weights
from didact.inference.memory import give_back
from didact.records import JSON, Example, operational
from didact.text.masks import IGNORED, masked_row
from didact.text.templates import TemplateName
from didact.training import adapters, artefact, hardware, preference
from didact.training.pairs import Against, Encode, Pair, content_of, found_pairs, pairs_of
from didact.training.proofs import Proof, demanded
from didact.training.row_proofs import Tokens, of_pairs, ready, tokens_of
from didact.training.tokenizing import fit_embeddings, prepared
from didact.training.untyped import Untyped

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DPO"]


class _Loaded(NamedTuple):
    model: Untyped
    tokenizer: Untyped
    encode: Encode
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DPO:
    """Fine-tunes all weights, or a LoRA adapter, on better and worse answers."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Direct Preference Optimization, 2023, arXiv 2305.18290"

    per_token: bool = False
    """Whether an answer counts by its mean log-probability per token, not by the sum."""
    beta: float | None = None
    """How dear it is to leave the untouched model; by default 0.1, and 5 for per_token."""
    against: Against = "every"
    """The rejected answers that the better one is paired with: every one, or the worst only."""
    lora: int = 0
    """Rank of the LoRA adapter; 0 trains all weights."""
    alpha: float | None = None
    """LoRA's scale; by default twice the rank."""
    targets: tuple[str, ...] = ()
    """Endings of the names of the layers that LoRA adapts; by default every linear one."""
    template: TemplateName = "auto"
    """Chat template for a base without one; auto: the tokenizer's own, else didact."""
    epochs: float = 1
    """How many times every pair is seen."""
    learning_rate: float | None = None
    """The highest rate; by default 5e-7 for all weights, 5e-6 for LoRA."""
    batch: int = 32
    """Pairs per step."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises."""
    schedule: Literal["cosine", "linear", "constant"] = "linear"
    """How the rate falls after that."""
    weight_decay: float = 0.0
    """Decay of the weight matrices per step, times the rate."""
    max_length: int | None = None
    """Most tokens of a conversation, a longer one is refused; by default the model's context."""
    dtype: hardware.DType = "auto"
    """Of the arithmetic; auto: bfloat16 where the processor has it. Trained weights are float32."""
    tokens_at_once: int = operational(4096)
    """Tokens that go through the model at once, padding included; a pair always does."""
    save_seconds: float = operational(60.0)
    """Seconds between checkpoints: the most work that a kill can cost."""

    def __post_init__(self) -> None:
        names = ("beta", "epochs", "batch", "learning_rate", "max_length", "tokens_at_once")
        preference.check(self, names)

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Trains ``base`` on the pairs; the directory of the tuned model."""
        source = weights.locate(str(base))
        precision = hardware.precision(self.dtype)
        made_from: dict[str, JSON] = {
            "trainer": fingerprint(self),
            "base": weights.fingerprint(source),
            "examples": content_of(examples),
            "seed": ctx.seed,
            "dtype": precision,
        }
        make = partial(self._train, ctx, examples, source, out, precision)
        summary = artefact.made_once(out, made_from, make)
        if summary is not None:
            give_back()
            ctx.note("trained", **summary)
        return out / "model"

    def prove(self, ctx: Context, examples: Sequence[Example], base: Path) -> list[Proof]:
        """What training would prove of these examples before it began; trains nothing."""
        loaded = self._load(ctx, weights.locate(str(base)))
        pairs, refused = found_pairs(examples, against=self.against, encode=loaded.encode)
        what = "scored are the answers that differ and their stop tokens"
        proved = of_pairs(pairs, refused, template=loaded.template, what=what)
        if pairs:
            proved.append(self._start(pairs, loaded))
        give_back()
        return proved

    def tokens(self, example: Example, base: Path) -> list[Tokens]:
        """The rows that an example becomes, token by token: the better answer, then worse ones."""
        tokenizer, _, context = ready(weights.locate(str(base)), self.template)
        encode = partial(masked_row, tokenizer=tokenizer, max_length=self._limit(context))
        every = [("chosen", example.messages), *(("rejected", one) for one in example.rejected)]
        return [tokens_of(title, encode(messages), tokenizer) for title, messages in every]

    def _limit(self, context: int | None) -> int | None:
        return min((n for n in (self.max_length, context) if n is not None), default=None)

    def _start(self, pairs: Sequence[Pair], loaded: _Loaded) -> Proof:
        return preference.start(
            pairs,
            loaded.model,
            objective=self._objective(),
            at_once=self.tokens_at_once,
            padding=loaded.tokenizer.pad_token_id or 0,
        )

    def _objective(self) -> preference.Objective:
        return preference.Objective(
            score=partial(_log_probabilities, per_token=self.per_token),
            scale=self.beta or (5.0 if self.per_token else 0.1),
            relative=True,
        )

    def _load(self, ctx: Context, source: Path) -> _Loaded:
        # LoRA leaves the base as it is: on a GPU half the memory will do for it.
        half = hardware.precision(self.dtype) == "bfloat16" and hardware.device() == "cuda"
        frozen = self.lora > 0 and half
        loaded = weights.load(source, device="auto", dtype="bfloat16" if frozen else "float32")
        tokenizer: Untyped = loaded.tokenizer
        told = prepared(tokenizer, template=self.template, base=source)
        new = fit_embeddings(loaded.model, tokenizer, told.added)
        # LoRA begins with random numbers.
        import_module("transformers").set_seed(ctx.seed % 2**32)
        model = adapters.attached(
            loaded.model,
            adapters.AdapterSettings(self.lora, self.alpha, self.targets),
            task="CAUSAL_LM",
            new_tokens=new,
        )
        limit = self._limit(loaded.limit)
        encode = partial(masked_row, tokenizer=tokenizer, max_length=limit)
        return _Loaded(model, tokenizer, encode, str(told))

    def _train(
        self,
        ctx: Context,
        examples: Sequence[Example],
        source: Path,
        out: Path,
        precision: hardware.Precision,
    ) -> dict[str, JSON]:
        loaded = self._load(ctx, source)
        encode = loaded.encode
        pairs = pairs_of(examples, against=self.against, encode=encode, note=ctx.note, out=out)
        demanded([self._start(pairs, loaded)])
        summary = preference.train(
            pairs,
            loaded.model,
            rng=ctx.rng("order"),
            seed=ctx.seed,
            note=ctx.note,
            objective=self._objective(),
            settings=preference.Settings(
                epochs=self.epochs,
                learning_rate=self.learning_rate or (5e-6 if self.lora else 5e-7),
                batch=self.batch,
                warmup=self.warmup,
                schedule=self.schedule,
                weight_decay=self.weight_decay,
                precision=precision,
                tokens_at_once=self.tokens_at_once,
                save_seconds=self.save_seconds,
            ),
            padding=loaded.tokenizer.pad_token_id or 0,
            out=out,
        )
        stops = {row.labels[-1] for pair in pairs for row in pair}
        artefact.save(loaded.model, loaded.tokenizer, source=source, out=out, stops=stops)
        return summary


def _log_probabilities(model: Untyped, rows: Mapping[str, Tensor], *, per_token: bool) -> Tensor:
    """Of the answers and their stop tokens: the sum over a row, or the mean."""
    import torch

    logits = model(
        input_ids=rows["input_ids"], attention_mask=rows["attention_mask"], use_cache=False
    ).logits
    labels = rows["labels"][:, 1:]
    trained = labels != IGNORED
    losses: Untyped = torch.nn.functional.cross_entropy(
        logits[:, :-1][trained].float(), labels[trained], reduction="none"
    )
    # Summed row by row: a scatter's order of adding is not fixed on a GPU.
    counts: Untyped = trained.sum(1)
    sums = torch.stack([row.sum() for row in _split(losses, counts.tolist())])
    return -sums / counts if per_token else -sums


def _split(losses: Untyped, counts: list[int]) -> Untyped:
    return losses.split(counts)
