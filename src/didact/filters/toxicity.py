"""Drop examples with words of a list of yours, or that a classifier calls toxic.

Reason: what is offensive depends on the purpose, so no list ships here; any text classifier of the
model hub or of a directory is named instead (transformers' ``text-classification``), and its labels
say which of them are meant. A long text is judged piece by piece, and its worst piece counts: the
classifiers read some hundred tokens and would otherwise not see the end.

Cost: no call of a model in the call log; a classifier of 100M parameters takes about 20 ms for a
piece on a CPU. Needs the extra ``train`` (transformers) for a classifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, cast

from didact.errors import ConfigError
from didact.records import Example, Verdict, operational
from didact.text.parts import Part, part_of

__all__ = ["Toxicity"]

Classifier: TypeAlias = Callable[[Sequence[str]], Sequence[Mapping[str, float]]]
"""For each text the likelihood of each label."""

_PIECE = 1000
"""Characters of a piece: some 250 tokens, which every classifier reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxicity:
    """Drop what contains words of a list, or what a classifier calls toxic."""

    version: ClassVar[str] = "1"

    words: tuple[str, ...] = ()
    """Words and phrases that may not stand in an example; whole words, any case."""
    words_file: Path | None = None
    """A text file of more of them, one a line; lines that begin with # are comments."""
    model: str | Classifier | None = None
    """A text classifier: a name on the model hub or a directory; in Python also a function."""
    labels: tuple[str, ...] = ("toxic", "toxicity", "hate", "offensive", "LABEL_1")
    """The labels of the classifier that mean yes; the likeliest of them counts."""
    above: float = 0.5
    """Drop where the likelihood is above this."""
    part: Part = "example"
    """What is looked at: `instruction`, `input`, `prompt`, `output`, or `example`, all of it."""
    batch: int = operational(16)
    """Texts classified at once."""

    def __post_init__(self) -> None:
        if not self.words and self.words_file is None and self.model is None:
            raise ConfigError("toxicity needs words, a list of them, or a model to judge by")

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; no example has a say in another's."""
        pattern = _pattern([*self.words, *_listed(self.words_file)])
        classify = _classifier(self.model) if isinstance(self.model, str) else self.model
        remaining = iter(examples)
        while batch := list(islice(remaining, self.batch)):
            texts = [part_of(example, self.part) for example in batch]
            listed = [pattern.search(text) if pattern else None for text in texts]
            asked = [text for text, found in zip(texts, listed, strict=True) if found is None]
            scores = iter(self._scores(classify, asked) if classify else [0.0] * len(asked))
            for found in listed:
                if found is not None:
                    evidence = {"found": found.group(), "start": found.start()}
                    yield Verdict(keep=False, reason="a word of the list", evidence=evidence)
                    continue
                score = next(scores)
                drop = score > self.above
                yield Verdict(
                    keep=not drop,
                    reason="toxic" if drop else "",
                    score=score if classify else None,
                    evidence={"above": self.above} if classify else {},
                )

    def _scores(self, classify: Classifier, texts: Sequence[str]) -> list[float]:
        pieces = [
            (number, text[at : at + _PIECE])
            for number, text in enumerate(texts)
            for at in range(0, max(len(text), 1), _PIECE)
        ]
        worst = [0.0] * len(texts)
        for start in range(0, len(pieces), self.batch):
            some = pieces[start : start + self.batch]
            for (number, _), found in zip(some, classify([p for _, p in some]), strict=True):
                known = [found[label] for label in self.labels if label in found]
                if not known:
                    told = ", ".join(sorted(found))
                    raise ConfigError(f"labels: the classifier has none of them; it has {told}")
                worst[number] = max(worst[number], *known)
        return worst


def _listed(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text ({error})") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    if not words:
        return None
    # Longest first, so that the evidence is the phrase and not its first word.
    parts = [r"\s+".join(map(re.escape, word.split())) for word in sorted(words, key=len)[::-1]]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)


def _classifier(name: str) -> Classifier:
    try:
        from transformers import pipeline
    except ImportError as error:
        raise ConfigError(
            'a classifier needs transformers and torch: pip install "didact[train]"'
        ) from error
    try:
        made = cast("Any", pipeline)("text-classification", model=name)
    except (OSError, ValueError) as error:
        raise ConfigError(f"model: {name} cannot be loaded: {str(error)[:300]}") from error

    def classify(texts: Sequence[str]) -> Sequence[Mapping[str, float]]:
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        found = made(clean, top_k=None, truncation=True, batch_size=len(clean))
        return [{one["label"]: float(one["score"]) for one in labels} for labels in found]

    return classify
