"""A reward model: what it gives the better answer is more than what it gives the worse one.

Bradley-Terry on pairs, as in InstructGPT (L. Ouyang et al. 2022, arXiv 2203.02155): -log sigmoid of
the difference of two rewards. A pair is an example with ``meta["rejected"]``. On transformers and
PEFT; the model is a sequence classifier with one output, which the ``reward`` filter reads, and
every conversation is rendered here exactly as it is there.

Ours differs in that pairs are drawn one by one, not all pairs of a prompt at once (``against:
worst`` gives one of each); the head starts at 0, so that the loss starts at ln 2 whatever the base;
no constant is added to the rewards afterwards (only differences mean something); a killed training
ends in the same weights. No calls.

Under ``out``: ``model/`` (LoRA merged; alone in ``adapter/``), ``metrics.jsonl`` with loss, margin
and accuracy of every step, ``refused.jsonl``, ``state.json``.
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
from didact.records import JSON, Example, Message, operational
from didact.text.masks import Refused, Row
from didact.text.templates import TemplateName
from didact.training import adapters, artefact, classifier, hardware, preference
from didact.training.pairs import Against, Encode, Pair, content_of, found_pairs, pairs_of
from didact.training.proofs import Proof, demanded
from didact.training.row_proofs import Tokens, of_pairs, ready, tokens_of
from didact.training.tokenizing import fit_embeddings, prepared
from didact.training.untyped import Untyped

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Reward"]


class _Loaded(NamedTuple):
    model: Untyped
    tokenizer: Untyped
    encode: Encode
    template: str
    new: bool
    """Whether the head starts at 0, and the loss so at ln 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """Trains a classifier with one output, all weights or a LoRA adapter and the head."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = "Training language models to follow instructions, 2022, arXiv 2203.02155"

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
    """The highest rate; by default 9e-6 for all weights, 1e-4 for LoRA."""
    batch: int = 64
    """Pairs per step."""
    warmup: float = 0.03
    """Share of the steps in which the rate rises."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
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
        names = ("epochs", "batch", "learning_rate", "max_length", "tokens_at_once")
        preference.check(self, names)

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Trains ``base`` on the pairs; the directory of the reward model."""
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
        what = "every token of a conversation counts"
        proved = of_pairs(pairs, refused, template=loaded.template, what=what)
        if pairs and loaded.new:
            proved.append(self._start(pairs, loaded))
        give_back()
        return proved

    def tokens(self, example: Example, base: Path) -> list[Tokens]:
        """The rows that an example becomes, token by token: the better answer, then worse ones."""
        tokenizer, _, context = ready(weights.locate(str(base)), self.template)
        encode = partial(_encoded, tokenizer=tokenizer, limit=self._limit(context))
        every = [("chosen", example.messages), *(("rejected", one) for one in example.rejected)]
        return [tokens_of(title, encode(messages), tokenizer) for title, messages in every]

    def _limit(self, context: int | None) -> int | None:
        return min((n for n in (self.max_length, context) if n is not None), default=None)

    def _start(self, pairs: Sequence[Pair], loaded: _Loaded) -> Proof:
        return preference.start(
            pairs,
            loaded.model,
            objective=preference.Objective(score=_rewards),
            at_once=self.tokens_at_once,
            padding=loaded.model.config.pad_token_id,
        )

    def _load(self, ctx: Context, source: Path) -> _Loaded:
        loaded = classifier.load(source, device=hardware.device())
        tokenizer: Untyped = loaded.tokenizer
        told = prepared(tokenizer, template=self.template, base=source)
        new = fit_embeddings(loaded.model, tokenizer, told.added)
        # LoRA begins with random numbers.
        import_module("transformers").set_seed(ctx.seed % 2**32)
        model = adapters.attached(
            loaded.model,
            adapters.AdapterSettings(self.lora, self.alpha, self.targets),
            task="SEQ_CLS",
            new_tokens=new,
            whole=loaded.head,
        )
        encode = partial(_encoded, tokenizer=tokenizer, limit=self._limit(loaded.limit))
        return _Loaded(model, tokenizer, encode, str(told), bool(loaded.head))

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
        if loaded.new:
            demanded([self._start(pairs, loaded)])
        summary = preference.train(
            pairs,
            loaded.model,
            rng=ctx.rng("order"),
            seed=ctx.seed,
            note=ctx.note,
            objective=preference.Objective(score=_rewards),
            settings=preference.Settings(
                epochs=self.epochs,
                learning_rate=self.learning_rate or (1e-4 if self.lora else 9e-6),
                batch=self.batch,
                warmup=self.warmup,
                schedule=self.schedule,
                weight_decay=self.weight_decay,
                precision=precision,
                tokens_at_once=self.tokens_at_once,
                save_seconds=self.save_seconds,
            ),
            padding=loaded.model.config.pad_token_id,
            out=out,
        )
        artefact.save(loaded.model, loaded.tokenizer, source=source, out=out)
        return summary


def _encoded(
    messages: Sequence[Message], *, tokenizer: Untyped, limit: int | None
) -> Row | Refused:
    """The conversation as the reward filter's model will read it; every token counts."""
    from jinja2 import TemplateError

    if not messages or messages[-1].role != "assistant" or not messages[-1].content.strip():
        return Refused("no answer")
    turns = [message.to_json() for message in messages]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False)
    except TemplateError as error:
        return Refused(f"the chat template refuses it: {error}")
    try:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False, verbose=False)
    except TypeError:
        # tokenizers' answer to text that is not valid Unicode, such as half of a surrogate pair.
        return Refused("the text cannot be encoded")
    if limit is not None and len(ids) > limit:
        return Refused(f"longer than the context: {len(ids)} tokens of {limit}")
    return Row(ids, ids)


def _rewards(model: Untyped, rows: Mapping[str, Tensor]) -> Tensor:
    return model(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"]).logits[:, 0]
