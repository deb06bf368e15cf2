"""Turns documents into a tokenizer and a long array of tokens."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from documents import Writer
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
    pages = itertools.islice(Writer(seed=1).documents(), documents)
    tokenizer.train_from_iterator(pages, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    fast.save_pretrained(out)
    return fast


def rows_of_tokens(
    tokenizer: PreTrainedTokenizerFast, stream: Iterator[str], rows: int, length: int
) -> Iterator[np.ndarray]:
    """Batches of packed rows without end: documents one after another, each with its end token."""
    eos, backend = tokenizer.eos_token_id, tokenizer.backend_tokenizer
    buffer: list[int] = []
    while True:
        while len(buffer) < rows * length:
            for encoding in backend.encode_batch(list(itertools.islice(stream, 64))):
                buffer += [*encoding.ids, eos]
        yield np.array(buffer[: rows * length], dtype=np.int64).reshape(rows, length)
        del buffer[: rows * length]


def read_reserved(path: Path) -> set[tuple[str, str]]:
    """The evaluation items, which no page may contain."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["instruction"], row["input"]) for row in rows}


def write_wordings(wordings: Iterable[str], path: Path) -> None:
    """Hashes of every instruction on a page, so that a run can say which of its own are new."""
    np.save(path, np.unique(np.array([wording_hash(text) for text in wordings], dtype=np.uint32)))
