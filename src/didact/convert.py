"""From any format that is read to any that is written, a row at a time.

What comes in is a file (its format told from its first rows, or named), a folder of documents or
Parquet, or a run directory, whose kept examples are meant. Nothing is lost silently: the conversion
counts what could not be carried by reason, and what was left behind of records that were.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from didact import tables
from didact.components import build, find, nearest
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.formats.detection import source_of
from didact.formats.refusals import Refusals
from didact.formats.writers import WRITERS, CannotCarry
from didact.records import JSON, Example

__all__ = ["TARGETS", "Conversion", "convert", "examples_of"]

TARGETS = tuple(sorted([*WRITERS, "parquet"]))
"""What can be written."""

_WHOLE = frozenset({"parquet"})
"""Formats that hold all of an example: meta and origin too."""


@dataclass(slots=True, kw_only=True)
class Conversion:
    """What a conversion did."""

    source: str
    """The source that read it."""
    target: str
    read: int = 0
    """Examples that came in."""
    carried: int = 0
    """Examples that are in the file written."""
    rows: int = 0
    """Rows of that file: a pair with two worse answers is two."""
    not_carried: Counter[str] = field(default_factory=Counter[str])
    """Examples that the format cannot hold, by reason."""
    left_behind: Counter[str] = field(default_factory=Counter[str])
    """Of the examples carried, what the format has no place for."""
    refusals: Refusals = field(default_factory=Refusals)
    """What the reader left out."""

    def lines(self) -> list[str]:
        """The account, for people."""
        out = [f"{self.carried:,} of {self.read:,} examples carried as {self.target}"]
        if self.rows != self.carried:
            out[0] += f", in {self.rows:,} rows"
        for reason, count in self.not_carried.most_common():
            out.append(f"  not carried {count:>9,}  {reason}")
        for reason, count in self.refusals.counts.most_common():
            out.append(f"  not read    {count:>9,}  {reason}")
            out += [f"{'':<25}{message}" for message in self.refusals.first[reason][:1]]
        for part, count in self.refusals.trimmed.most_common():
            out.append(f"  cut off     {count:>9,}  {part}")
        for part, count in self.left_behind.most_common():
            out.append(f"  left behind {count:>9,}  {part}")
        return out

    def to_json(self) -> dict[str, JSON]:
        """The account, for programs."""
        return {
            "source": self.source,
            "target": self.target,
            "read": self.read,
            "carried": self.carried,
            "rows": self.rows,
            "not_carried": dict(self.not_carried),
            "left_behind": dict(self.left_behind),
            "refusals": self.refusals.to_json(),
        }


def examples_of(
    path: Path, *, source: str | None = None, refusals: Refusals | None = None, skip: bool = False
) -> tuple[str, Iterator[Example]]:
    """The examples at a path, as they come, and the name of the source that reads them."""
    if (path / "run.yaml").is_file():
        path, source = _of_run(path), "parquet"
    if not path.exists():
        raise ConfigError(f"no such file: {path}")
    name = source or source_of(path)
    settings: dict[str, JSON] = {"path": str(path)}
    if skip:
        settings["on_error"] = "skip"
    component, problems = build(find("sources", name), settings)
    if problems:
        told = "; ".join(f"{'.'.join(map(str, p.at))}: {p.message}" for p in problems)
        raise ConfigError(f"{path}, read by {name}: {told}")
    if not hasattr(component, "on_error"):
        return name, cast("Iterator[Example]", component.read())
    return name, cast("Iterator[Example]", component.read(refusals))


def _of_run(path: Path) -> Path:
    for stage, table in (("filter", tables.KEPT), ("generate", tables.EXAMPLES)):
        file = path / stage / f"{table.name}.parquet"
        if file.is_file():
            return file
    raise ConfigError(f"{path}: this run has no examples yet; run it first")


def convert(
    path: Path, out: Path, *, to: str, source: str | None = None, skip: bool = False
) -> Conversion:
    """Write the examples of ``path`` to ``out``; DidactError where none could be carried.

    ``out`` is written as one JSON array where its name ends in .json, else as JSON Lines (.gz
    compresses), but for ``parquet``. ``skip`` counts rows that cannot be read instead of ending.
    """
    if to not in TARGETS:
        raise ConfigError(f"no format {to!r} to write{nearest(to, TARGETS)}")
    if out.resolve() == path.resolve():
        raise ConfigError(f"{out}: is what is read; name another file")
    refusals = Refusals()
    name, examples = examples_of(path, source=source, refusals=refusals, skip=skip)
    done = Conversion(source=name, target=to, refusals=refusals)
    aside = out.with_name(f"{out.name}.new")
    try:
        if to in _WHOLE:
            _whole(done, examples, aside)
        else:
            _rows(done, examples, aside, compressed=out.suffix == ".gz", array=_is_array(out))
        if not done.carried:
            told = "\n".join(done.lines()[1:])
            raise DidactError(f"{path}: none of {done.read:,} examples fits {to}\n{told}".rstrip())
        with storing(out):
            os.replace(aside, out)
    finally:
        aside.unlink(missing_ok=True)
    return done


def _whole(done: Conversion, examples: Iterator[Example], aside: Path) -> None:
    with tables.EXAMPLES.writer(aside) as writer:
        for example in examples:
            done.read += 1
            writer.add(example)
            done.carried += 1
            done.rows += 1


def _rows(
    done: Conversion, examples: Iterator[Example], aside: Path, *, compressed: bool, array: bool
) -> None:
    write = WRITERS[done.target]
    with _lines(aside, compressed=compressed, array=array) as add:
        for example in examples:
            done.read += 1
            try:
                written = write(example)
            except CannotCarry as error:
                done.not_carried[str(error)] += 1
                continue
            for row in written.rows:
                add(row)
            done.carried += 1
            done.rows += len(written.rows)
            for key in example.meta:
                if key not in written.carried:
                    done.left_behind[f"meta.{key}"] += 1
            if example.origin.calls or example.origin.parents:
                done.left_behind["origin: its calls and parents"] += 1


def _is_array(out: Path) -> bool:
    return [suffix for suffix in out.suffixes if suffix != ".gz"][-1:] == [".json"]


_encode = json.JSONEncoder(ensure_ascii=False).encode


@contextmanager
def _lines(
    path: Path, *, compressed: bool, array: bool
) -> Generator[Callable[[dict[str, JSON]], None], None, None]:
    """A function that writes one row."""
    with storing(path):
        # No time inside, so that the same rows are the same bytes.
        file = cast(
            "BinaryIO", gzip.GzipFile(path, "wb", mtime=0) if compressed else path.open("wb")
        )
        first = True

        def add(row: dict[str, JSON]) -> None:
            nonlocal first
            text = _encode(row).encode("utf-8", "replace")
            start = (b"[\n" if first else b",\n") if array else b""
            file.write(start + text + (b"" if array else b"\n"))
            first = False

        with file:
            yield add
            if array:
                file.write(b"[]\n" if first else b"\n]\n")
