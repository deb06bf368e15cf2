"""What the tests of training train: a tiny model that is nothing yet, and examples it can learn."""

from pathlib import Path

from didact.records import Example, Origin
from tiny_model import write_tiny_model

STOP = "<|end|>"
PAIRS = [("hot", "cold"), ("big", "small"), ("wet", "dry"), ("old", "young and new")] * 2
EXAMPLES = [
    Example.single(
        "Say the opposite." if number < 4 else "Which word means the opposite of this one?",
        answer,
        input=word,
        origin=Origin(recipe="test"),
    )
    for number, (word, answer) in enumerate(PAIRS)
]


def save(path: Path, *, context: int = 256) -> Path:
    """Write the model to ``path``."""
    return write_tiny_model(
        path,
        positions=context,
        width=64,
        pad="<|pad|>",
        scale=1.0,
        tied=True,
        vocabulary=320,
        corpus=["### Instruction:\nSay the opposite.\n\n### Response:\n"],
    )
