"""Writes the file that a new component starts from, ready to run and to change."""

from __future__ import annotations

import re
from pathlib import Path

from didact.components import KINDS, nearest
from didact.errors import ConfigError

__all__ = ["scaffold"]

_HEAD = '''"""{title}: what it does, and the paper or the reason behind it.

What it costs: calls to a model per example.
"""

from __future__ import annotations

{imports}

__all__ = ["{name}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class {name}:
    """One line about it, shown by `didact list`."""

'''

_BODIES = {
    "recipes": '''    topic: str = "everyday life"
    """Every field is a setting of the run file, and this string is its documentation."""

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """One new task for each seed."""

        async def write(seed: Example) -> Example:
            prompt = f"Task: {seed.instruction}\\nA task like it, about {self.topic}: "
            reply = await ctx.ask(Request(prompt=prompt, sampling=Sampling(stop=("\\n",))))
            origin = Origin(recipe="STEM", parents=(seed.id,), calls=(reply.key,))
            return Example.single(reply.text.strip(), "", origin=origin)

        async for example in ctx.map(write, seeds):
            yield example
''',
    "filters": '''    most_words: int = 100
    """Every field is a setting of the run file, and this string is its documentation."""

    def check(self, example: Example) -> Verdict:
        """Drop with a reason that can be counted; nothing is ever deleted."""
        words = len(example.output.split())
        if words > self.most_words:
            return Verdict(keep=False, reason="answer too long", score=float(words))
        return Verdict(keep=True, score=float(words))
''',
    "sources": '''    path: Path
    """The file to read; relative to the run file."""

    def read(self) -> Iterator[Example]:
        """One example per line: instruction, tab, answer."""
        for line in self.path.read_text(encoding="utf-8").splitlines():
            instruction, _, output = line.partition("\\t")
            yield Example.single(instruction, output, origin=Origin(recipe="STEM"))
''',
    "models": '''    greeting: str = "Hello"
    """Every field is a setting of the run file, and this string is its documentation."""

    @property
    def identity(self) -> str:
        """What answers, without address or key: part of the key of every call."""
        return f"STEM:{self.greeting}"

    async def ask(self, request: Request) -> Reply:
        """Answer one request."""
        return Reply(text=self.greeting, usage=Usage(prompt=1, completion=1))

    async def close(self) -> None:
        """Let go of what was opened."""
''',
    "trainers": '''    epochs: int = 1
    """Every field is a setting of the run file, and this string is its documentation."""

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Train on the examples, starting from ``base``; return the directory of the model."""
        ctx.note("train", step=0, steps=self.epochs)
        return base
''',
    "evaluators": '''    metric: str = "same-length"
    """Every field is a setting of the run file, and this string is its documentation."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """One score per answer; ``value=None`` with a reason abstains."""
        for answer in answers:
            same = len(answer.text.split()) == len(answer.example.output.split())
            yield Score(
                example_id=answer.example.id,
                model=answer.model,
                metric=self.metric,
                value=100.0 * same,
            )
''',
}
_BODIES["suites"] = _BODIES["sources"]

_ABSTRACT = ("AsyncIterator", "Iterator", "Sequence")
_RECORDS = (
    "Answer", "Example", "Origin", "Reply", "Request", "Sampling", "Score", "Usage", "Verdict",
)  # fmt: skip
"""What a body may need, by where it is imported from."""


def _imports(body: str) -> str:
    """The imports that a body needs, and no other."""
    code = re.sub(r'""".*?"""', "", body, flags=re.DOTALL)
    words = set(re.findall(r"\w+", code))
    lines: list[str] = []
    if abstract := [name for name in _ABSTRACT if name in words]:
        lines.append(f"from collections.abc import {', '.join(abstract)}")
    lines.append("from dataclasses import dataclass")
    if "Path" in words:
        lines.append("from pathlib import Path")
    lines.append("")
    if "Context" in words:
        lines.append("from didact.context import Context")
    if records := [name for name in _RECORDS if name in words]:
        lines.append(f"from didact.records import {', '.join(records)}")
    return "\n".join(lines)


def scaffold(kind: str, name: str, folder: Path) -> Path:
    """Write ``folder/name.py`` for a kind (``recipe`` or ``recipes``); never over a file."""
    plural = kind if kind.endswith("s") else f"{kind}s"
    if plural not in _BODIES:
        raise ConfigError(f"no kind {kind!r}{nearest(plural, KINDS)}")
    stem = name.replace("-", "_").lower()
    if not stem.isidentifier():
        raise ConfigError(f"{name!r} cannot be the name of a Python file; use letters and _")
    path = folder / f"{stem}.py"
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another name")
    camel = "".join(part.capitalize() for part in stem.split("_"))
    text = _HEAD.replace("{name}", camel).replace("{title}", stem.replace("_", " ").capitalize())
    text = text.replace("{imports}", _imports(_BODIES[plural]))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text + _BODIES[plural].replace("STEM", stem), encoding="utf-8")
    return path
