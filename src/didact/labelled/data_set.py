"""One labelled data set: its rows, its templates, the answers it knows.

The rows come from a file of any columns or are examples, whose columns are ``instruction``,
``input``, ``output`` and what is in ``meta``. What a row lacks is a reason to refuse it, counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from didact.components import nearest
from didact.errors import ConfigError
from didact.formats.containers import BadRow, rows_of
from didact.labelled.patterns import Pattern, read_patterns, shapes
from didact.records import JSON, Example, digest

__all__ = ["LabelledRow", "LabelledSet", "example_rows"]


class LabelledRow(NamedTuple):
    """A row of a data set."""

    id: str
    """Of its content: what is drawn for a row depends on it alone."""
    values: Mapping[str, JSON]
    options: tuple[str, ...] = ()
    """The possible answers, where they are known."""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """A labelled data set and how to put it into words."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    """What it is called: also where its templates are found in a file of many."""
    data: Path | None = None
    """Its rows: JSON Lines, JSON, CSV, TSV or Parquet; without it, the seeds."""
    header: tuple[str, ...] = ()
    """The columns of a CSV or TSV file without a header."""
    shape: str = ""
    """One of didact's own sets of templates, such as nli, or a name in the file of templates."""
    templates: Path | None = None
    """A file of templates of one's own: YAML or JSON, a list of [input, target] or a mapping."""
    cluster: str = ""
    """The kind of task, for holding out."""
    title: str = ""
    """What the arm `name` writes in brackets; else cluster and name."""
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """The columns' own names where templates call them otherwise: {premise: sentence1}."""
    labels: tuple[str, ...] = ()
    """The possible answers; a number in the data counts in this list from 0. A column `options`
    of a row goes before it."""
    inputs: tuple[str, ...] = ()
    """The columns that the arms `name` and `none` write; else those of the first template."""
    answer: str = "answer"
    """The column that holds the answer, as the templates call it."""
    licence: str = ""
    """Whose terms the data is under, for `meta`."""

    def patterns(self) -> tuple[Pattern, ...]:
        """Its templates; ConfigError where there are none."""
        if self.templates is not None:
            return read_patterns(self.templates, *filter(None, (self.shape, self.name)))
        shape = self.shape or ("" if self.data is not None else "task")
        if shape not in shapes():
            known = nearest(shape, list(shapes()))
            raise ConfigError(f"set {self.name!r}: no shape {shape!r}{known}; or give `templates`")
        return shapes()[shape]

    @property
    def heading(self) -> str:
        """The data set's name for a model that is told no more."""
        if self.title:
            return self.title
        kind = (self.cluster or self.shape).replace("_", " ").capitalize()
        return ": ".join(filter(None, (kind, self.name)))

    def read(self, refused: Counter[str], seeds: Sequence[Example]) -> Iterator[LabelledRow]:
        """Every row that can be used; the others are counted by reason."""
        if self.data is None:
            rows: Iterable[tuple[dict[str, JSON], tuple[str, ...]]] = example_rows(seeds)
        else:
            rows = ((row, ()) for row in self._file_rows(refused))
        for values, parents in rows:
            row_id = digest(values)
            for name, column in self.columns.items():
                if column not in values:
                    known = nearest(column, list(values))
                    raise ConfigError(f"set {self.name!r}: no column {column!r}{known}")
                values[name] = values[column]
            options = self._options(values)
            label = values.get(self.answer)
            if isinstance(label, int) and not isinstance(label, bool) and self.labels:
                if not 0 <= label < len(self.labels):
                    # -1 is how public data sets mark a row whose label is kept back.
                    refused["no label"] += 1
                    continue
                values[self.answer] = self.labels[label]
            yield LabelledRow(row_id, values, options, parents)

    def _file_rows(self, refused: Counter[str]) -> Iterator[dict[str, JSON]]:
        assert self.data is not None
        # A cell of a tab-separated table holds a line break as backslash and n.
        table = ".tsv" in self.data.suffixes
        for line, row in rows_of(self.data, columns=self.header or None):
            if isinstance(row, BadRow):
                raise ConfigError(f"{self.data}, line {line}: {row.message}")
            refused["read"] += 1
            if table:
                yield {key: str(text).replace("\\n", "\n") for key, text in row.items()}
            else:
                yield row

    def _options(self, values: Mapping[str, JSON]) -> tuple[str, ...]:
        own = values.get("options")
        if isinstance(own, list) and own:
            return tuple(map(str, own))
        return self.labels


def example_rows(
    seeds: Sequence[Example],
) -> Iterator[tuple[dict[str, JSON], tuple[str, ...]]]:
    """Examples as rows of columns: what is in ``meta``, then instruction, input and output."""
    for seed in seeds:
        values = dict(seed.meta)
        values |= {"instruction": seed.instruction, "input": seed.input, "output": seed.output}
        yield values, (seed.id,)
