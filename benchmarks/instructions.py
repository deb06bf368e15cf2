"""The corpus of the benchmarks: every instruction in the real data, each once, in a fixed order."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

DATA = Path(os.environ.get("DIDACT_DATA", Path(__file__).parents[2] / "shared" / "data"))


def rows(path: Path) -> Iterator[object]:
    """The records of a JSON or JSONL file, gzipped or not; broken lines are skipped."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8", "replace")
    if ".jsonl" in path.name:
        for line in text.split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue
        return
    try:
        content = json.loads(text)
    except ValueError:
        return
    if isinstance(content, list):
        yield from content


def real_instructions(data: Path = DATA) -> tuple[list[str], int]:
    """Every distinct text under a key ``instruction``, in file order, and how many there were."""
    found: dict[str, None] = {}
    total = 0
    for path in sorted(data.rglob("*.json*")):
        for row in rows(path):
            instruction = row.get("instruction") if isinstance(row, dict) else None
            if isinstance(instruction, str) and instruction.strip():
                total += 1
                found.setdefault(instruction)
    return list(found), total


def stream(size: int, data: Path = DATA) -> tuple[list[str], int]:
    """``size`` different instructions mixed by hash, and how many of them are real.

    Where the real ones do not suffice, the rest is spliced from two of them with a tenth of the
    words substituted: deterministic, and about as similar to one another as generated data is.
    """
    texts = real_instructions(data)[0] or _MADE_UP
    texts = sorted(
        texts, key=lambda text: hashlib.blake2b(text.encode("utf-8", "replace")).digest()
    )
    texts = texts[:size]
    real = len(texts) if texts[0] not in _MADE_UP else 0
    rng = random.Random(0)
    present = set(texts)
    words = [word for text in texts for word in text.split()]
    while len(texts) < size:
        first, second = rng.choice(texts).split(), rng.choice(texts).split()
        spliced = first[: len(first) // 2] + second[len(second) // 2 :]
        made = " ".join(rng.choice(words) if rng.random() < 0.1 else word for word in spliced)
        if made and made not in present:
            present.add(made)
            texts.append(made)
    return texts, real


def _mixed(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace")).digest()


_MADE_UP = [
    f"{verb} {thing} {rest}"
    for verb in ("Describe", "List", "Name", "Explain", "Compare", "Count", "Sort", "Rewrite")
    for thing in ("three animals", "the given words", "two foods", "a short story", "the colours")
    for rest in ("that a child would know.", "in one sentence.", "for a visitor.", "and say why.")
]
