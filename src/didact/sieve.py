"""Filters on a file of data without a run: ``didact filter data.jsonl --with novelty -o it.jsonl``.

The filters are those of a run file, judged the same way: each sees what those before it kept, each
row gets a verdict from each filter that saw it, and nothing is lost without a reason. Rows stream
through, so that a file may be larger than memory; what a filter reads ahead waits in a folder
beside what is written.

What is kept is written as it was read where that is a table of texts or messages, columns that no
filter looks at included; of other formats the nearest that can be written. A name in .parquet gets
didact's own table.

Filters that ask models need a run file, which says whom to ask.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, BinaryIO, cast

import typer

from didact import tables
from didact.components import build, find
from didact.context import Filter
from didact.convert import examples_of
from didact.disk import storing
from didact.document import parse_value
from didact.errors import ConfigError
from didact.formats.refusals import Refusals
from didact.formats.writers import WRITERS, CannotCarry
from didact.judging import asks
from didact.records import JSON, Example, Verdict
from didact.sifting import REWRITTEN, Hear, Judgement, Sifting

__all__ = [
    "From",
    "Kept",
    "Sieved",
    "Skip",
    "Step",
    "VerdictsFile",
    "With",
    "filter_of",
    "is_run_file",
    "sieve",
]

With = Annotated[
    list[str] | None,
    typer.Option("--with", help="Filter a file of data: novelty:below=0.7 (again for more)."),
]
Kept = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o",
        help="The run directory, by default out/NAME; with --with the file that is written.",
    ),
]  # fmt: skip
VerdictsFile = Annotated[
    Path | None, typer.Option("--verdicts", help="With --with: every verdict, as JSON Lines.")
]
From = Annotated[
    str | None,
    typer.Option("--from", help="With --with: the source that reads it, if not told from it."),
]
Skip = Annotated[
    bool, typer.Option("--skip", help="With --with: count rows that cannot be read, and go on.")
]

_LIKE_READ = {"alpaca": "alpaca", "dolly": "dolly", "oasst": "oasst", "sharegpt": "sharegpt"}
"""Sources whose format is written as it was read; all others as rows of texts or messages."""


@dataclass(slots=True, kw_only=True)
class Step:
    """What one filter did."""

    name: str
    seen: int = 0
    kept: int = 0
    rewritten: int = 0
    """Of those seen, changed before they were judged: private data redacted."""
    dropped: Counter[str] = field(default_factory=Counter[str])
    """By reason."""
    shown: dict[str, str] = field(default_factory=dict[str, str])
    """For each reason the first example dropped for it, with the evidence."""


@dataclass(slots=True, kw_only=True)
class Sieved:
    """What became of the rows of a file."""

    source: str
    steps: list[Step]
    read: int = 0
    written: int = 0
    """Examples in the file written."""
    not_written: Counter[str] = field(default_factory=Counter[str])
    """Kept, but the format cannot hold them; by reason."""
    refusals: Refusals
    """What could not be read."""
    out: Path | None = None

    @property
    def kept(self) -> int:
        """Examples that every filter kept."""
        return self.steps[-1].kept if self.steps else self.read

    def told(self, *, as_json: bool) -> str:
        """The account, for a program or for people."""
        return json.dumps(self._json()) if as_json else "\n".join(self._lines())

    def _json(self) -> dict[str, JSON]:
        steps: list[JSON] = [
            {
                "filter": step.name,
                "seen": step.seen,
                "kept": step.kept,
                "rewritten": step.rewritten,
                "dropped": dict(step.dropped),
            }
            for step in self.steps
        ]
        return {
            "source": self.source,
            "read": self.read,
            "steps": steps,
            "kept": self.kept,
            "written": self.written,
            "not_written": dict(self.not_written),
            "refusals": self.refusals.to_json(),
        }

    def _lines(self) -> list[str]:
        lines = [f"{'read':<17}{self.read:>9,}  as {self.source}"]
        for reason, count in self.refusals.counts.most_common():
            lines.append(f"{'  not read':<17}{count:>9,}  {reason}")
        for step in self.steps:
            lines.append(f"{step.name:<17}{step.kept:>9,}  of {step.seen:,} kept")
            if step.rewritten:
                lines.append(f"{'  rewritten':<17}{step.rewritten:>9,}  before they were judged")
            for reason, count in step.dropped.most_common():
                lines.append(f"{'  dropped':<17}{count:>9,}  {reason}")
                lines.append(f"{'':<28}{step.shown[reason]}")
        for reason, count in self.not_written.most_common():
            lines.append(f"{'  not written':<17}{count:>9,}  {reason}")
        where = f"in {self.out}" if self.out else "(name a file with -o to write them)"
        lines.append(f"{'kept':<17}{self.written or self.kept:>9,}  {where}")
        return lines


def is_run_file(path: Path) -> bool:
    """Whether a file is named as run files are."""
    return path.suffix.lower() in {".yaml", ".yml"}


def filter_of(text: str) -> Filter:
    """The filter that ``name`` or ``name:setting=value,setting=value`` names."""
    use, _, rest = text.partition(":")
    settings: dict[str, JSON] = {}
    for part in _pieces(rest):
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(f"--with {text}: write settings as {use}:name=value,name=value")
        settings[key.strip().replace("-", "_")] = parse_value(value)
    component, problems = build(find("filters", use), settings)
    if problems:
        told = [f"--with {use}: {_place(p.at)}{p.message}" for p in problems]
        raise ConfigError("\n".join(told))
    if asks(component):
        raise ConfigError(f"--with {use}: it asks a model; name it in a run file, with the model")
    if hasattr(component, "protect") and not getattr(component, "against", ()):
        raise ConfigError(f"--with {use}: name files of test items: {use}:against=[items.jsonl]")
    return cast("Filter", component)


def _place(at: Sequence[str | int]) -> str:
    """Where a problem is; "" for settings that do not go together."""
    return f"{'.'.join(map(str, at))}: " if at else ""


def _pieces(text: str) -> list[str]:
    """The settings, separated by commas that stand in no brackets."""
    pieces: list[str] = [""]
    depth = 0
    for character in text:
        depth += (character in "[{(") - (character in "]})")
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece for piece in pieces if piece.strip()]


def sieve(
    path: Path,
    filters: Sequence[str],
    *,
    out: Path | None = None,
    verdicts_to: Path | None = None,
    source: str | None = None,
    skip: bool = False,
) -> Sieved:
    """Judge the examples of a file; write those kept to ``out`` and all verdicts where wanted.

    ``skip`` counts rows that cannot be read, where otherwise the first of them is an error.
    """
    if not filters:
        raise ConfigError(f"{path} is no run file; to filter data name a filter: --with novelty")
    for target in (out, verdicts_to):
        if target is not None and target.resolve() == path.resolve():
            raise ConfigError(f"{target}: is what is read; name another file")
    components = [filter_of(text) for text in filters]
    refusals = Refusals()
    source, found = examples_of(path, source=source, refusals=refusals, skip=skip)
    done = Sieved(source=source, steps=[], refusals=refusals, out=out)
    with _folder_beside(out or verdicts_to) as folder, ExitStack() as opened:
        lines = _Lines(folder) if verdicts_to is not None else None
        if lines is not None:
            opened.callback(lines.close)
        sifting = Sifting(components, folder=folder, hear=_hearing(done, lines))
        done.steps += [Step(name=name) for name in sifting.names]
        kept = sifting.stream(_counted(done, found))
        if out is None:
            deque(kept, maxlen=0)
        elif out.suffix == ".parquet":
            done.written = _write_whole(out, kept)
        else:
            _write(out, map(_encoded, _rows(done, kept, source)))
        if verdicts_to is not None and lines is not None:
            _write(verdicts_to, lines.all(sifting.names))
    return done


@contextmanager
def _folder_beside(target: Path | None) -> Generator[Path, None, None]:
    """A folder for what is needed on the way, where there is room for what is written."""
    beside = target.parent if target is not None and target.parent.is_dir() else None
    with storing(target or Path()):
        made = TemporaryDirectory(prefix=".didact-", dir=beside)
    with made as folder:
        yield Path(folder)


def _counted(done: Sieved, examples: Iterable[Example]) -> Iterator[Example]:
    for example in examples:
        done.read += 1
        yield example


def _hearing(done: Sieved, lines: _Lines | None) -> Hear:
    """Counts what the filters say, and writes it down where that is wanted."""
    steps: dict[str, Step] = {}

    def hear(judgement: Judgement) -> None:
        example, verdict = judgement.example, judgement.verdict
        if not steps:
            steps.update({step.name: step for step in done.steps})
        step = steps[judgement.filter]
        step.seen += 1
        step.kept += verdict.keep
        step.rewritten += REWRITTEN in verdict.evidence
        if lines is not None:
            lines.add(judgement)
        if not verdict.keep:
            step.dropped[verdict.reason] += 1
            step.shown.setdefault(verdict.reason, _shown(example, verdict))

    return hear


class _Lines:
    """Verdicts as lines, a file for each filter: they come mixed, and are told filter by filter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[Path, BinaryIO]] = {}

    def add(self, judgement: Judgement) -> None:
        """One more."""
        if judgement.filter not in self._files:
            path = self._folder / f"{len(self._files)}.jsonl"
            with storing(path):
                self._files[judgement.filter] = path, path.open("wb")
        with storing(self._folder):
            self._files[judgement.filter][1].write(_encoded(_row(judgement)) + b"\n")

    def all(self, names: Sequence[str]) -> Iterator[bytes]:
        """Every line, filter by filter."""
        self.close()
        for name in names:
            if name in self._files:
                with self._files[name][0].open("rb") as file:
                    yield from (line[:-1] for line in file)

    def close(self) -> None:
        """Write what is held back."""
        with storing(self._folder):
            for _, file in self._files.values():
                file.close()


def _row(judgement: Judgement) -> dict[str, JSON]:
    verdict = judgement.verdict
    return {
        "id": judgement.id,
        "filter": judgement.filter,
        "keep": verdict.keep,
        "reason": verdict.reason,
        "score": verdict.score,
        "evidence": dict(verdict.evidence),
        "instruction": judgement.example.instruction,
    }


def _shown(example: Example, verdict: Verdict) -> str:
    text = " ".join(example.instruction.split())[:60]
    score = f" {verdict.score:.3g}" if verdict.score is not None else ""
    told = json.dumps(dict(verdict.evidence), ensure_ascii=False)[:120] if verdict.evidence else ""
    return f'such as "{text}"{score} {told}'.rstrip()


def _rows(done: Sieved, examples: Iterable[Example], source: str) -> Iterable[dict[str, JSON]]:
    write = WRITERS.get(_LIKE_READ.get(source, ""))
    for example in examples:
        if write is None:
            yield _plain(example)
            done.written += 1
            continue
        try:
            written = write(example)
        except CannotCarry as error:
            done.not_written[str(error)] += 1
            continue
        yield from written.rows
        done.written += 1


def _plain(example: Example) -> dict[str, JSON]:
    """A row of texts, or of messages where it is no more than one turn; other columns after it."""
    roles = [message.role for message in example.messages]
    if roles == ["user", "assistant"]:
        row: dict[str, JSON] = {
            "instruction": example.instruction,
            "input": example.input,
            "output": example.output,
        }
    else:
        row = {"messages": [message.to_json() for message in example.messages]}
    return {**row, **{key: value for key, value in example.meta.items() if key not in row}}


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _encoded(row: dict[str, JSON]) -> bytes:
    return _encode(row).encode("utf-8", "replace")


def _write_whole(path: Path, examples: Iterable[Example]) -> int:
    """The examples as didact keeps them; how many there were."""
    aside = path.with_name(f"{path.name}.new")
    try:
        count = tables.EXAMPLES.write(aside, examples)
        with storing(path):
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return count


def _write(path: Path, rows: Iterable[bytes]) -> None:
    """Rows of JSON as JSON Lines, or one array where the name ends in .json; .gz compresses."""
    array = [suffix for suffix in path.suffixes if suffix != ".gz"][-1:] == [".json"]
    aside = path.with_name(f"{path.name}.new")
    try:
        with storing(path):
            # No time inside, so that the same rows are the same bytes.
            opened = gzip.GzipFile(aside, "wb", mtime=0) if path.suffix == ".gz" else None
            with cast("BinaryIO", opened or aside.open("wb")) as file:
                between, start = (b",\n", b"[\n") if array else (b"\n", b"")
                for row in rows:
                    file.write(start + row)
                    start = between
                end = b"" if start == b"" else b"\n"
                file.write((b"[]\n" if start == b"[\n" else b"\n]\n") if array else end)
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
