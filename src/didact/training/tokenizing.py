"""The tokenizer of a base model made ready to train: template, padding, end of an answer.

The template in the tokenizer is the only one: training, evaluation and every server render with
it. A base that brings none gets one by name (``didact.text.templates``), which is saved with the
tuned model. Markers that must be single tokens are added where they are not; their rows in the
embeddings begin as the mean of all others (Alpaca's way), not at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from didact.errors import ConfigError
from didact.text.templates import TEMPLATES
from didact.training.untyped import Untyped

__all__ = ["Prepared", "fit_embeddings", "prepared"]


class Prepared(NamedTuple):
    """What was done to a tokenizer."""

    template: str
    """The name of the template, ``its own`` where the tokenizer brought it."""
    replaced: bool
    """Whether it brought another one."""
    added: tuple[str, ...]
    """Tokens that it did not have."""

    def __str__(self) -> str:
        told = "brought by the tokenizer" if self.template == "its own" else self.template
        told += ", in place of the tokenizer's" if self.replaced else ""
        return told + (f"; new tokens: {' '.join(map(repr, self.added))}" if self.added else "")


def prepared(tokenizer: Untyped, *, template: str, base: Path) -> Prepared:
    """Sets what the tokenizer lacks; a ConfigError where no answer could end."""
    brought = tokenizer.chat_template
    chosen, added = "its own", list[str]()
    if template != "auto" or not brought:
        chosen = "didact" if template == "auto" else template
        entry = TEMPLATES[chosen]
        known = tokenizer.get_vocab()
        added = [token for token in entry.tokens if token not in known]
        # As a special token even where it is known: else text may be cut across it.
        if entry.tokens:
            more = {"extra_special_tokens": list(entry.tokens)}
            tokenizer.add_special_tokens(more, replace_extra_special_tokens=False)
        tokenizer.chat_template = entry.jinja
        if tokenizer.eos_token is None and not entry.own_stop:
            raise ConfigError(
                f"model {base}: its tokenizer has no end token (eos), so that no answer could ever"
                " end; give it one, or set template: chatml or dolly, which bring their own"
            )
    # The mask comes from the labels, so padding with the end token hides no end from the loss.
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token or tokenizer.eos_token
    replaced = bool(brought) and brought != tokenizer.chat_template
    return Prepared(chosen, replaced, tuple(added))


def fit_embeddings(model: Untyped, tokenizer: Untyped, added: Sequence[str]) -> list[int]:
    """Gives every added token a row in the embeddings, the mean of the others; the ids."""
    import torch

    new: list[int] = sorted(tokenizer.convert_tokens_to_ids(list(added))) if added else []
    if not new:
        return []
    size = int(model.get_input_embeddings().weight.shape[0])
    if max(new) >= size:
        model.resize_token_embeddings(max(new) + 1, mean_resizing=False)
    tables = {
        id(t.weight): t for t in (model.get_input_embeddings(), model.get_output_embeddings())
    }
    with torch.no_grad():
        for table in tables.values():
            mean = table.weight[: min(new)].float().mean(0)
            table.weight[new] = mean.to(table.weight.dtype)
    return new
