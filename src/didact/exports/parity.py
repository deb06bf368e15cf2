"""Is the exported model still the model? 32 prompts, greedy, before and after.

Exports change models silently: a template that is not the trained one, a stop token lost, weights
permuted by a conversion. So the model of the run answers first, greedily; then the exported one,
loaded as others will load it, reads the same prompts by its own template and tokenizer and, after
every token of these answers, is asked for its next. Reported are the share of tokens on which both
agree (with Wilson's interval), the answers agreed on to the end, and the largest difference between
any two logits. Reading the same answers, one near-tie costs one token and not the rest of an
answer. A reward model is compared by its rewards. No calls are logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from didact.errors import DidactError
from didact.exports.trained import Kind
from didact.records import JSON, Message
from didact.stats.bootstrap import wilson

__all__ = ["EXACT", "ROUNDED", "Bar", "Loaded", "Parity", "Recorded", "compare", "record"]

_LONGEST = 24
"""Tokens of an answer that are compared."""

Conversation = tuple[Message, ...]


class Bar(NamedTuple):
    """What a parity check asks for."""

    least: float
    """Share of tokens agreed on."""
    most: float
    """The largest difference between two logits."""


EXACT = Bar(1.0, 1e-3)
"""The same numbers in another file."""
ROUNDED = Bar(0.98, 0.5)
"""Weights rounded to 16 bits on the way."""


class Loaded(NamedTuple):
    """A model ready to be compared."""

    model: Any
    tokenizer: Any
    ends: frozenset[int]
    """Tokens that end an answer."""


class Recorded(NamedTuple):
    """What a model made of the prompts."""

    conversations: list[Conversation]
    prompts: list[list[int]]
    answers: list[list[int]]
    logits: list[Any]
    """Of every answer, tokens by vocabulary; of a reward model its one output."""
    ends: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far two models agree."""

    prompts: int
    tokens: int
    """Compared; 0 for a reward model."""
    agreed: int
    same: int
    """Answers agreed on to the last token."""
    largest: float
    """The largest difference between two logits, or two rewards."""
    bar: Bar
    problems: tuple[str, ...]
    """What is wrong; a check with none has passed."""

    @property
    def passed(self) -> bool:
        """Whether the export may be used."""
        return not self.problems

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        low, high = wilson(self.agreed, self.tokens)[1:] if self.tokens else (None, None)
        return {
            "passed": self.passed,
            "prompts": self.prompts,
            "tokens": self.tokens,
            "agreed": self.agreed,
            "agreement": self.agreed / self.tokens if self.tokens else None,
            "low": low,
            "high": high,
            "same_answers": self.same,
            "largest_logit_difference": self.largest,
            "least_agreement": self.bar.least,
            "most_logit_difference": self.bar.most,
            "problems": list(self.problems),
        }

    def told(self) -> str:
        """One line for people."""
        if not self.tokens:
            return f"{self.prompts} conversations: largest difference of rewards {self.largest:.2g}"
        share, low, high = (100 * value for value in wilson(self.agreed, self.tokens))
        return (
            f"{self.prompts} prompts, greedy: {self.agreed:,} of {self.tokens:,} tokens the same"
            f" ({share:.1f} % [{low:.1f}, {high:.1f}]), {self.same} of {self.prompts} answers;"
            f" largest logit difference {self.largest:.2g}"
        )


def record(
    loaded: Loaded, conversations: Sequence[Conversation], *, kind: Kind = "causal"
) -> Recorded:
    """What the model answers greedily, with its logits."""
    found = Recorded([], [], [], [], loaded.ends)
    limit = _limit(loaded.model)
    for conversation in conversations:
        prompt = _encoded(loaded.tokenizer, conversation, kind)
        if limit is not None and len(prompt) + _LONGEST > limit:
            continue
        answer = _greedy(loaded, prompt) if kind == "causal" else []
        found.conversations.append(conversation)
        found.prompts.append(prompt)
        found.answers.append(answer)
        found.logits.append(_logits(loaded.model, prompt, answer))
    if not found.prompts:
        raise DidactError(
            f"parity: none of {len(conversations)} prompts fits the model's {limit} positions"
        )
    return found


def compare(before: Recorded, after: Loaded, *, kind: Kind = "causal", bar: Bar) -> Parity:
    """The exported model against what the run's own one answered."""
    tokens = agreed = same = others = 0
    largest = 0.0
    rows = zip(before.conversations, before.prompts, before.answers, before.logits, strict=True)
    for conversation, prompt, answer, logits in rows:
        own = _encoded(after.tokenizer, conversation, kind)
        others += own != prompt
        theirs = _logits(after.model, own, answer)
        # Another vocabulary is a difference of its own, told below; what both have is compared.
        width = min(logits.shape[-1], theirs.shape[-1])
        difference = float((logits[..., :width] - theirs[..., :width]).abs().max())
        # A NaN is no small difference.
        largest = max(largest, difference) if difference == difference else float("inf")
        hits = int((theirs.argmax(-1) == logits.argmax(-1)).sum()) if answer else 0
        tokens += len(answer)
        agreed += hits
        same += hits == len(answer)
    problems: list[str] = []
    if others:
        problems.append(f"{others} of {len(before.prompts)} prompts become other tokens")
    if kind == "causal" and (lost := before.ends - after.ends):
        problems.append(f"stop tokens lost: {', '.join(map(str, sorted(lost)))}")
    if tokens and agreed < bar.least * tokens:
        problems.append(f"{agreed} of {tokens} tokens agree, fewer than {bar.least:.1%}")
    if largest > bar.most:
        problems.append(f"a logit differs by {largest:.3g}, more than {bar.most:g}")
    return Parity(
        prompts=len(before.prompts),
        tokens=tokens,
        agreed=agreed,
        same=same,
        largest=largest,
        bar=bar,
        problems=tuple(problems),
    )


def _encoded(tokenizer: Any, conversation: Conversation, kind: Kind) -> list[int]:  # noqa: ANN401
    turns = [message.to_json() for message in conversation]
    text = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=kind == "causal"
    )
    return list(tokenizer.encode(text, add_special_tokens=False))


def _greedy(loaded: Loaded, prompt: Sequence[int]) -> list[int]:
    import torch

    answer: list[int] = []
    ids = torch.tensor([list(prompt)], device=loaded.model.device)
    past: Any = None
    with torch.inference_mode():
        while len(answer) < _LONGEST:
            output = loaded.model(input_ids=ids, past_key_values=past, use_cache=True)
            past = output.past_key_values
            token = int(output.logits[0, -1].argmax())
            answer.append(token)
            if token in loaded.ends:
                break
            ids = torch.tensor([[token]], device=loaded.model.device)
    return answer


def _logits(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Any:  # noqa: ANN401
    import torch

    ids = torch.tensor([[*prompt, *answer]], device=model.device)
    with torch.inference_mode():
        found = model(input_ids=ids).logits[0].float().cpu()
    return found[len(prompt) - 1 : -1] if answer else found


def _limit(model: Any) -> int | None:  # noqa: ANN401
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None
