"""Turns documents into a tokenizer and a long array of tokens."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from documents import MARKS, Writer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from didact.microworld.wordings import wording_hash

VOCABULARY = 2048
EOS = "<|end|>"
PAD = "<|pad|>"


def train_tokenizer(out: Path, *, documents: int = 6000) -> PreTrainedTokenizerFast:
    """Byte-level BPE over the first documents of a seed of its own."""
    tokenizer = Tokenizer(models.BPE())
    # Digits one by one, so that a number is not a word of its own.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pages = (split(page)[0] for page in itertools.islice(Writer(seed=1).documents(), documents))
    tokenizer.train_from_iterator(pages, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    fast.save_pretrained(out)
    return fast


def split(page: str) -> tuple[str, list[tuple[int, int]]]:
    """A page without its marks, and where its answers are."""
    text, answers = "", []
    for part in page.split(MARKS[0]):
        answer, mark, rest = part.partition(MARKS[1])
        if mark:
            answers.append((len(text), len(text) + len(answer)))
        text += answer + rest
    return text, answers


def rows_of_tokens(
    tokenizer: PreTrainedTokenizerFast, stream: Iterator[str], rows: int, length: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of packed rows without end: tokens, and for each whether it is part of an answer.

    Documents come one after another, each with its end token.
    """
    eos, backend = tokenizer.eos_token_id, tokenizer.backend_tokenizer
    tokens: list[int] = []
    answered: list[bool] = []
    size = rows * length
    while True:
        while len(tokens) < size:
            pages = [split(page) for page in itertools.islice(stream, 64)]
            encodings = backend.encode_batch([text for text, _ in pages])
            for encoding, (_, answers) in zip(encodings, pages, strict=True):
                inside = [False] * len(encoding.ids)
                for begin, end in answers:
                    first = encoding.char_to_token(begin)
                    last = encoding.char_to_token(end - 1)
                    inside[first : last + 1] = [True] * (last + 1 - first)
                tokens += [*encoding.ids, eos]
                answered += [*inside, False]
        yield (
            np.array(tokens[:size], dtype=np.int64).reshape(rows, length),
            np.array(answered[:size]).reshape(rows, length),
        )
        del tokens[:size], answered[:size]


def read_reserved(path: Path) -> set[tuple[str, str]]:
    """The evaluation items, which no page may contain."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["instruction"], row["input"]) for row in rows}


def write_wordings(wordings: Iterable[str], path: Path) -> None:
    """Hashes of every instruction on a page, so that a run can say which of its own are new."""
    np.save(path, np.unique(np.array([wording_hash(text) for text in wordings], dtype=np.uint32)))
