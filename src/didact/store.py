"""A run directory: stages that are there whole or not at all, Parquet in and out.

    run.yaml                    resolved: the run re-opens from it
    calls.db                    every call to a model
    generate/examples.parquet   generate/seeds.parquet
    filter/kept.parquet         filter/verdicts.parquet
    train/                      what the trainer keeps
    evaluate/items.parquet      evaluate/answers.parquet   evaluate/scores.parquet
    <stage>/stage.json          written last: fingerprint, counts, times

A stage is computed in ``<stage>.new`` beside the old one and swapped in when it is complete. It is
rebuilt from the call log, never appended to, so a torn file cannot occur.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar, cast

from didact import tables
from didact.calls import CallLog
from didact.disk import refuse_objects, storing
from didact.errors import StoreError
from didact.records import JSON, Answer, Example, Score, Verdict

__all__ = ["STAGES", "Run", "StageFolder", "trained_model"]

STAGES = ("generate", "filter", "train", "evaluate")
"""The stages, in order."""

_STAGE_OF = {
    "seeds": "generate",
    "examples": "generate",
    "kept": "filter",
    "verdicts": "filter",
    "items": "evaluate",
    "answers": "evaluate",
    "scores": "evaluate",
}
"""Where a table lies."""

_ASIDE = ".aside"

Row = TypeVar("Row")


class StageFolder:
    """A stage in the making: write its files here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, table: tables.Table[Row], rows: Iterable[Row]) -> int:
        """Write a Parquet file as the rows come; how many there were."""
        return table.write(self.path / f"{table.name}.parquet", rows)

    def writing(self, table: tables.Table[Row]) -> AbstractContextManager[tables.Writer[Row]]:
        """The same for rows that are at hand one by one: ``writer.add(row)``."""
        return table.writer(self.path / f"{table.name}.parquet")

    @contextmanager
    def parted(
        self, table: tables.Table[Row], parts: Sequence[str]
    ) -> Generator[Mapping[str, tables.Writer[Row]], None, None]:
        """A writer for each part, for rows that come mixed and are to stand part by part."""
        aside = [self.aside / f"{table.name}-{n}.parquet" for n in range(1, len(parts))]
        with self.writing(table) as first:
            with ExitStack() as opened:
                others = [opened.enter_context(table.writer(path)) for path in aside]
                yield dict(zip(parts, [first, *others], strict=False))
            for path in aside:
                first.append(path)
                path.unlink()

    @property
    def aside(self) -> Path:
        """A folder for what is needed on the way and is no part of the stage."""
        path = self.path / _ASIDE
        with storing(path):
            path.mkdir(exist_ok=True)
        return path

    def write_json(self, name: str, value: JSON) -> None:
        """Write a small JSON file."""
        with storing(self.path):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            (self.path / name).write_text(text + "\n", encoding="utf-8", errors="replace")


class Run:
    """A directory with a past. ``open`` one to read it, ``create`` one to work on it."""

    def __init__(self, path: Path, *, write: bool) -> None:
        self.path = path
        self._write = write
        self._log: CallLog | None = None
        self._handler: logging.Handler | None = None

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """A run to read."""
        path = Path(path)
        if not (path / "run.yaml").is_file():
            raise StoreError(f"{path}: not a run directory (it has no run.yaml)")
        return cls(path, write=False)

    @classmethod
    def create(cls, path: Path | str, *, reuse: Iterable[Path] = ()) -> Run:
        """A run to work on, new or continued. One process at a time: close it when done.

        A call that one of the runs in ``reuse`` has made is copied from it instead of made.
        """
        run = cls(Path(path), write=True)
        with storing(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            run._refuse_strangers()
        if kind := refuse_objects(run.path):
            logging.getLogger("didact").warning(
                "%s is on %s: no second host may write this run while this one does", path, kind
            )
        # Whoever may write the call log works on the run.
        run._log = CallLog.open(run.path / "calls.db", write=True, reuse=reuse)
        try:
            with storing(run.path):
                run._recover()
                run._start_log()
        except BaseException:
            run.close()
            raise
        return run

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory. Closing twice is fine."""
        if self._handler is not None:
            logging.getLogger("didact").removeHandler(self._handler)
            self._handler.close()
            self._handler = None
        # Last, since it holds the lock.
        if self._log is not None:
            self._log.close()
            self._log = None

    @property
    def calls(self) -> CallLog:
        """The run's calls."""
        if self._log is None:
            self._log = CallLog.open(self.path / "calls.db", write=self._write)
        return self._log

    def stage(self, name: str) -> dict[str, JSON] | None:
        """What ``stage.json`` says of a complete stage; None where there is none."""
        file = self.path / name / "stage.json"
        try:
            return cast("dict[str, JSON]", json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{file}: cannot be read ({error}). Remove {file.parent} and run again: the stage"
                " is made anew from the call log."
            ) from error

    @contextmanager
    def writing(self, name: str, *, keep: str | None = None) -> Generator[StageFolder, None, None]:
        """A folder to compute a stage in; it takes the old one's place when the block ends well.

        With ``keep``, what an earlier attempt of the same ``keep`` left is still there.
        """
        aside = self.path / f"{name}.new"
        mark = aside / ".for"
        with storing(aside):
            if keep is None or not mark.is_file() or mark.read_text() != keep:
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
            if keep is not None:
                mark.write_text(keep)
        yield StageFolder(aside)
        with storing(aside):
            mark.unlink(missing_ok=True)
            shutil.rmtree(aside / _ASIDE, ignore_errors=True)
            _sync(aside)
            self._swap(name)

    def finish(self, folder: StageFolder, summary: JSON) -> None:
        """Write the stage's ``stage.json``: the last thing in its ``writing`` block."""
        folder.write_json("stage.json.new", summary)
        os.replace(folder.path / "stage.json.new", folder.path / "stage.json")

    def write_config(self, text: str) -> None:
        """Write ``run.yaml``."""
        with storing(self.path):
            aside = self.path / "run.yaml.new"
            aside.write_text(text, encoding="utf-8")
            os.replace(aside, self.path / "run.yaml")

    def seeds(self) -> list[Example]:
        """The seeds that the recipes were given."""
        return list(self.stored(tables.SEEDS))

    def examples(self) -> list[Example]:
        """Every example generated."""
        return list(self.stored(tables.EXAMPLES))

    def kept(self) -> list[Example]:
        """The examples that every filter kept."""
        return list(self.stored(tables.KEPT))

    def verdicts(self) -> list[tuple[str, str, Verdict]]:
        """Example id, filter, verdict: one for each filter that saw the example."""
        return list(self.stored(tables.VERDICTS))

    def items(self) -> list[Example]:
        """The test items."""
        return list(self.stored(tables.ITEMS))

    def answers(self) -> list[Answer]:
        """What every model answered to every item."""
        items = {item.id: item for item in self.items()}
        return [
            Answer(example=items[row.example_id], model=row.model, text=row.text, call=row.call)
            for row in self.stored(tables.ANSWERS)
        ]

    def scores(self) -> list[Score]:
        """Every score of every answer."""
        return list(self.stored(tables.SCORES))

    def trained(self) -> Path | None:
        """The directory of the model that was trained, to load."""
        return trained_model(self.path)

    def stored(self, table: tables.Table[Row]) -> tables.Stored[Row]:
        """A table of the run as a sequence that is read as it is gone through, group by group.

        The lists above hold all of it; this one is for more than memory holds.
        """
        stage = _STAGE_OF[table.name]
        file = self.path / stage / f"{table.name}.parquet"
        if not file.is_file():
            raise StoreError(
                f"{self.path}: stage {stage} is not there yet ({file.name} is missing)"
            )
        return tables.Stored(table, file)

    def _refuse_strangers(self) -> None:
        strangers = [p for p in self.path.iterdir() if p.name not in _KNOWN]
        if strangers and not (self.path / "run.yaml").exists():
            raise StoreError(
                f"{self.path}: not a run directory, and not empty (there is {strangers[0].name});"
                " choose another"
            )

    def _start_log(self) -> None:
        self._handler = _LogFile(self.path / "log.txt", encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger = logging.getLogger("didact")
        logger.addHandler(self._handler)
        logger.setLevel(min(logger.level or logging.INFO, logging.INFO))

    def _swap(self, name: str) -> None:
        stage, new, old = (self.path / f"{name}{suffix}" for suffix in ("", ".new", ".old"))
        shutil.rmtree(old, ignore_errors=True)
        if stage.exists():
            os.rename(stage, old)
        os.rename(new, stage)
        shutil.rmtree(old, ignore_errors=True)

    def _recover(self) -> None:
        """End a swap that a kill cut in two."""
        for name in STAGES:
            stage, new, old = (self.path / f"{name}{suffix}" for suffix in ("", ".new", ".old"))
            if not stage.exists() and (new / "stage.json").exists():
                self._swap(name)
            elif not stage.exists() and old.exists():
                os.rename(old, stage)
            shutil.rmtree(old, ignore_errors=True)


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: on a full disk the data says so, once, and clearly."""


def trained_model(path: Path) -> Path | None:
    """The directory of the model that the run at ``path`` trained; None where it has not."""
    stage = Run(path, write=False).stage("train")
    return path / "train" / str(stage["model"]) if stage is not None else None


def _sync(folder: Path) -> None:
    # A rename may reach the disk before the content of the files: flush them first.
    for file in folder.iterdir():
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())


_KNOWN = {
    "run.yaml",
    "run.yaml.new",
    "calls.db",
    "calls.db-wal",
    "calls.db-shm",
    "calls.db.new",
    "calls.db.lock",
    "log.txt",
    *(f"{name}{suffix}" for name in STAGES for suffix in ("", ".new", ".old")),
}
