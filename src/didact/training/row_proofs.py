"""What is told of rows that were proved, and one row token by token for a person to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from didact.text.loss_masks import MASKS
from didact.text.masks import IGNORED, Refused, Row
from didact.training.pairs import Pair
from didact.training.proofs import Proof
from didact.training.rows import Rows
from didact.training.tokenizing import Prepared, prepared
from didact.training.untyped import Untyped

__all__ = ["Tokens", "of_pairs", "of_rows", "ready", "tokens_of", "written"]

_TOO_LONG = "longer than the context"
_NAMED = 3
"""Refused examples that are named, of each reason."""
_JOINED = 4
"""Tokens that a character of UTF-8 may be cut into."""


class Tokens(NamedTuple):
    """A row as its tokens."""

    title: str
    """Which row it is, where an example has several."""
    pieces: list[tuple[str, bool]]
    """The text of every token, and whether it is trained."""
    refused: str = ""
    """Why there is no row."""


def of_rows(
    found: Rows, tokenizer: Untyped, *, loss_on: str, template: str, limit: int | None
) -> list[Proof]:
    """The proofs that every row went through on its way, and what was refused."""
    proofs = [Proof("template", True, template)]
    if not found.rows:
        told = f"no row is left ({found.told() or 'no example given'})"
        proofs.append(Proof("mask", False, told))
    else:
        counted = f"{found.trained:,} of {found.tokens:,} tokens of {len(found.rows):,} rows"
        alone = "every prompt has the tokens before its answer that it has alone"
        proofs += [
            Proof("mask", True, f"{counted} trained: {_what(loss_on)}"),
            Proof("border", True, alone),
            Proof("stop", True, _stops(found, tokenizer, loss_on)),
        ]
    given = len(found.rows) + len(found.refused)
    fits = f"none of {given:,} examples is longer than {limit} tokens"
    if long := found.reasons[_TOO_LONG]:
        fits = f"{long:,} longer than {limit} tokens refused, none cut: {_some(found, _TOO_LONG)}"
    proofs.append(Proof("truncation", True, fits))
    for reason, count in found.reasons.most_common():
        if reason != _TOO_LONG:
            proofs.append(Proof("refused", True, f"{count:,} {reason}: {_some(found, reason)}"))
    return proofs


def of_pairs(
    pairs: Sequence[Pair], refused: Sequence[tuple[str, str]], *, template: str, what: str
) -> list[Proof]:
    """The same for preference pairs."""
    found = Rows(refused=list(refused))
    told = f"no pair is left ({found.told() or 'no example given'})"
    if pairs:
        tokens = sum(pair.tokens for pair in pairs)
        told = f"{len(pairs):,} pairs of {tokens:,} tokens; {what}"
    proofs = [Proof("template", True, template), Proof("pairs", bool(pairs), told)]
    for reason, count in found.reasons.most_common():
        proofs.append(Proof("refused", True, f"{count:,} {reason}: {_some(found, reason)}"))
    return proofs


def _what(loss_on: str) -> str:
    mask = MASKS[loss_on]
    if not mask.own:
        return f"as {loss_on} did, prompts too, and {mask.stops} of the stop tokens"
    which = "answers and their stop tokens" if mask.answers == "every" else "the last answers"
    return f"{which}, no system or user turn"


def _stops(found: Rows, tokenizer: Untyped, loss_on: str) -> str:
    names = ", ".join(repr(tokenizer.convert_ids_to_tokens(stop)) for stop in sorted(found.stops))
    kept = MASKS[loss_on].stops
    if kept != "every":
        return f"{loss_on} trains {kept} of {names}: a model trained so may never stop"
    return f"every trained answer ends in one that is trained: {names}"


def _some(found: Rows, reason: str) -> str:
    ids = [id[:12] for id, why in found.refused if why.partition(":")[0] == reason]
    return ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")


def written(proofs: Sequence[Proof], out: Path) -> None:
    """Keeps them with the training."""
    text = json.dumps([proof._asdict() for proof in proofs], indent=1)
    (out / "proofs.json").write_text(text, encoding="utf-8")


def ready(source: Path, template: str) -> tuple[Untyped, Prepared, int | None]:
    """The tokenizer of a model as training has it, and the model's context; no weights are read."""
    transformers: Untyped = import_module("transformers")
    local = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(source), **local)
    config = transformers.AutoConfig.from_pretrained(str(source), **local)
    told = prepared(tokenizer, template=template, base=source)
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    return tokenizer, told, limit if isinstance(limit, int) and limit > 0 else None


def tokens_of(title: str, row: Row | Refused, tokenizer: Untyped) -> Tokens:
    """The row's tokens as text; those that share a character are one piece."""
    if isinstance(row, Refused):
        return Tokens(title, [], row.reason)
    pieces: list[tuple[str, bool]] = []
    start = 0
    while start < len(row.ids):
        end = start + 1
        text = _text(row.ids[start:end], tokenizer)
        while "\ufffd" in text and end < min(len(row.ids), start + _JOINED):
            end += 1
            text = _text(row.ids[start:end], tokenizer)
        pieces.append((text, row.labels[start] != IGNORED))
        start = end
    return Tokens(title, pieces)


def _text(ids: Sequence[int], tokenizer: Untyped) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
