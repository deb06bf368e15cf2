"""Pages of the microworld that nobody asked for: what backtranslation starts from, without a web.

Every page has a title and parts under headings. A part is a text of the small world as a task of
its programs would have it for an answer, or a story; which task that was is not on the page, but in
``meta.tasks``, so that an experiment can tell how near a model came to it. Some headings are those
of a navigation or in capitals, for the filters to find. The embedded model's licence is theirs.

Cost: no calls.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from didact.microworld import lexicon as lex
from didact.microworld.family import write_task
from didact.microworld.kinds import KINDS
from didact.microworld.world import FAMILIES, SEED
from didact.records import JSON, Example, Message, Origin

__all__ = ["MicroworldPages"]

_NOISE = ("Forum", "Quick links", "Free newsletter", "ADVERTISEMENT", "ABOUT US")


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroworldPages:
    """Pages of the small world in HTML, Markdown or plain text, without any instruction."""

    count: int
    """How many."""
    format: Literal["html", "markdown", "text"] = "html"
    """Of the pages; plain text has one part and no headings."""
    families: Literal["all", "seed"] = "seed"
    """``seed`` leaves out texts of the families that evaluation holds out."""
    parts: int = 4
    """Most parts of a page."""
    shortest: int = 12
    """Fewest characters of a part that is no story."""
    draw: int = 0
    """Another number draws other pages."""

    def read(self) -> Iterator[Example]:
        """The pages, each content once."""
        rng = random.Random(f"pages {self.draw}")
        seen: set[str] = set()
        while len(seen) < self.count:
            title = f"{rng.choice(lex.NAMES)} at the {rng.choice(lex.PLACES)}"
            size = 1 if self.format == "text" else rng.randint(1, self.parts)
            parts, tasks = self._parts(rng, size)
            example = Example(
                messages=(Message("assistant", self._written(title, parts)),),
                meta={
                    "document": f"page {len(seen) + 1}",
                    "title": title,
                    "format": self.format,
                    "tasks": tasks,
                    "licence": "Apache-2.0",
                    "generator": "microworld",
                },
                origin=Origin(recipe="microworld-pages"),
            )
            if example.id not in seen:
                seen.add(example.id)
                yield example

    def _parts(self, rng: random.Random, size: int) -> tuple[list[tuple[str, str]], list[JSON]]:
        """Headings with their texts, and the tasks that these answer."""
        parts: list[tuple[str, str]] = []
        tasks: list[JSON] = []
        while len(parts) < size:
            heading = f"The {rng.choice(lex.NOUNS)} and the {rng.choice(lex.NOUNS)}"
            if self.format != "text" and rng.random() < 0.1:
                heading = rng.choice(_NOISE)
            if rng.random() < 0.2:
                parts.append((heading, KINDS["story"].show(KINDS["story"].sample(rng))))
                continue
            pool = FAMILIES if self.families == "all" else SEED
            task = write_task(rng, rng.choice(pool))[0]
            if len(task.output) >= self.shortest:
                parts.append((heading, task.output))
                tasks.append({"text": task.output, "family": task.family})
        return parts, tasks

    def _written(self, title: str, parts: list[tuple[str, str]]) -> str:
        if self.format == "text":
            return parts[0][1]
        if self.format == "markdown":
            body = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in parts)
            return f"---\ntitle: {title}\n---\n\n{body}"
        body = "".join(f"<h2>{heading}</h2>\n<p>{_escaped(text)}</p>\n" for heading, text in parts)
        return f"<html><head><title>{title}</title></head>\n<body>\n{body}</body></html>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
