"""PromptSource: labelled rows through the public Jinja templates, as T0's training data was made.

PromptSource: An Integrated Development Environment and Repository for Natural Language Prompts
(Bach et al. 2022, arXiv 2202.01279) holds 2,085 templates in 279 files; Multitask Prompted Training
Enables Zero-Shot Task Generalization (Sanh et al. 2021, arXiv 2110.08207) trained on their results.
A template has branches, a list of answers, and input and target with ``|||`` between them. A result
of exactly two parts, the first not empty, is an example. Every row goes through every template; of
a data set with more than 500,000 rows each template gets 500,000 divided by their number.

The rows are a user's own file, or the seeds. How ours differs, in both modes: templates are
rendered in a sandbox that refuses what is not text, values, branches and loops, and what runs away;
`choice` draws by row and not by the clock; which rows a large data set gives is drawn by content.
*Faithful* keeps an empty target as the words ``<NO LABEL>``, writes nothing for a value that is
missing, and protects a ``|||`` in the data only at the top of a row. *Corrected* (the default)
refuses the first two with their reasons, and protects it everywhere.

Cost: no calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from didact.components import nearest
from didact.context import Context
from didact.errors import ConfigError
from didact.formats.containers import BadRow, rows_of
from didact.labelled.data_set import example_rows
from didact.records import JSON, Example, Message, Origin, digest
from didact.stats.mixing import Sample

if TYPE_CHECKING:
    from didact.labelled.prompt_templates import PromptTemplate, Rendering

__all__ = ["Promptsource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promptsource:
    """Labelled rows through the public Jinja templates of PromptSource (T0, P3)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "PromptSource, 2022, arXiv 2202.01279; Multitask Prompted Training Enables Zero-Shot Task"
        " Generalization (T0), 2021, arXiv 2110.08207"
    )
    calls_per_example: ClassVar[str] = "none"

    templates: Path
    """A `templates.yaml`, or the directory of all of them."""
    data: Path | None = None
    """The rows: JSON Lines, JSON, CSV, TSV or Parquet; without it, the seeds."""
    dataset: str = ""
    """Which data set's templates, where `templates` is a directory."""
    subset: str = ""
    """Which subset's."""
    names: tuple[str, ...] = ()
    """Use only the templates of these names; empty: all."""
    original_task: bool = False
    """Use only templates that ask for what the data set was made for."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` keeps rows without a label and writes nothing for what is missing."""
    prompts: Literal["every", "one"] = "every"
    """`every` gives a row to every template; `one` to one of them, drawn by content."""
    most_rows: int = 500_000
    """With more rows, each template gets this number divided by how many templates there are."""
    most_characters: int | None = 2048
    """Every value is cut to so many characters; None: none is."""
    licence: str = ""
    """Whose terms the data is under, for `meta`."""

    def __post_init__(self) -> None:
        if self.most_rows < 1 or (self.most_characters is not None and self.most_characters < 8):
            raise ConfigError("most_rows is at least 1, most_characters at least 8")

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples template by template, in the order of the rows."""
        ready, refused = self._ready()
        rows = self._rows(seeds)
        if not rows:
            raise ConfigError("promptsource: there are no rows; set `data`, or give seeds")
        made: set[str] = set()
        told: dict[str, JSON] = {}
        for one in ready:
            counts: Counter[str] = Counter()
            kept = 0
            for row in self._given(ctx, rows, one, [other.of.id for other in ready], counts):
                example = self._example(ctx, one, row, counts)
                if example is None or example.id in made:
                    counts["exact duplicate"] += example is not None
                    continue
                made.add(example.id)
                kept += 1
                yield example
            told[one.of.name] = {"rows": len(rows), "examples": kept, "refused": {**+counts}}
        ctx.note("statistics", templates=told, templates_refused={**refused})

    def _ready(self) -> tuple[list[_Ready], dict[str, str]]:
        """The templates that can be rendered, and why others cannot."""
        # Imported here: jinja2 is loaded only where templates are rendered.
        from didact.labelled.prompt_templates import Rendering, read_templates
        from didact.text.sandbox import Sandbox, TemplateRefused

        found = read_templates(self.templates, dataset=self.dataset, subset=self.subset)
        known = [template.name for template in found]
        for name in self.names:
            if name not in known:
                raise ConfigError(f"{self.templates}: no template {name!r}{nearest(name, known)}")
        faithful = self.mode == "faithful"
        sandbox = Sandbox(strict=not faithful)
        ready: list[_Ready] = []
        refused: dict[str, str] = {}
        for template in found:
            if self.names and template.name not in self.names:
                continue
            if self.original_task and not template.original_task:
                continue
            try:
                most = self.most_characters
                rendering = Rendering(template, sandbox, most=most, faithful=faithful)
                ready.append(_Ready(template, rendering))
            except TemplateRefused as error:
                refused[template.name] = str(error)
        if not ready:
            raise ConfigError(f"{self.templates}: no template to use; refused: {refused}")
        return ready, refused

    def _rows(self, seeds: Sequence[Example]) -> list[_Row]:
        found: Iterable[tuple[dict[str, JSON], tuple[str, ...]]]
        found = ((row, ()) for row in _file_rows(self.data)) if self.data else example_rows(seeds)
        return [_Row(digest(values), values, parents) for values, parents in found]

    def _given(
        self,
        ctx: Context,
        rows: Sequence[_Row],
        one: _Ready,
        ids: Sequence[str],
        counts: Counter[str],
    ) -> list[_Row]:
        """The rows that a template is given."""
        size = len(rows)
        if self.prompts == "one":
            mine = [r for r in rows if ctx.rng("prompt", r.id).choice(ids) == one.of.id]
            counts["given to another template"] += size - len(mine)
            rows = mine
        most = self.most_rows // len(ids) if size > self.most_rows else size
        sample = Sample[_Row](most, seed=ctx.seed)
        for row in rows:
            sample.offer(row, f"{one.of.id}/{row.id}")
        kept = sample.items()
        counts["over the cap"] += len(rows) - len(kept)
        return kept

    def _example(
        self, ctx: Context, one: _Ready, row: _Row, counts: Counter[str]
    ) -> Example | None:
        from didact.text.sandbox import MissingValue, TemplateRefused

        try:
            prompt = one.rendering.apply(row.values, ctx.rng("row", one.of.id, row.id))
        except (MissingValue, TemplateRefused) as error:
            missing = isinstance(error, MissingValue)
            counts["value missing" if missing else "template refused"] += 1
            ctx.note("dropped", template=one.of.name, row=row.id, reason=str(error))
            return None
        if len(prompt.parts) != 2:
            counts[f"{len(prompt.parts)} parts, not 2"] += 1
            return None
        text, target = prompt.parts
        if not target and self.mode == "faithful":
            target = _NO_LABEL
        if not text or not target:
            counts["empty input" if not text else "no label"] += 1
            return None
        meta: dict[str, JSON] = {
            "dataset": "/".join(filter(None, (one.of.dataset, one.of.subset))),
            "template": one.of.name,
            "template_id": one.of.id,
            "original_task": one.of.original_task,
            "options": list(prompt.choices),
            "is_classification": target in prompt.choices,
        }
        if self.licence:
            meta["licence"] = self.licence
        return Example(
            messages=(Message("user", text), Message("assistant", target)),
            meta=meta,
            origin=Origin(recipe="promptsource", version=self.version, parents=row.parents),
        )


class _Row(NamedTuple):
    id: str
    values: dict[str, JSON]
    parents: tuple[str, ...]


class _Ready(NamedTuple):
    of: PromptTemplate
    rendering: Rendering


def _file_rows(path: Path) -> Iterable[dict[str, JSON]]:
    for line, row in rows_of(path):
        if isinstance(row, BadRow):
            raise ConfigError(f"{path}, line {line}: {row.message}")
        yield row


_NO_LABEL = "<NO LABEL>"
