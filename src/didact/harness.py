"""Per-item results of lm-evaluation-harness, brought into a run to be compared as ours are.

The harness (L. Gao et al., "A framework for few-shot language model evaluation", 2021) writes with
``--log_samples`` a line for every item of a task: the item, what was asked, what was answered, and
every metric. A run made of such folders, one for each model, has items, answers and scores like any
other, so the report pairs them item by item, with intervals, p-values and what stands apart by
category. Items are told by the task, their number and their hash, so that models asked through
different templates are still paired; one that not all models were asked counts where it was.

Metrics are ``task/metric``, with the harness's filter behind it where it has one. What the harness
aggregates over all items at once (perplexity, BLEU) is no number of an item and abstains. No calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, cast

import yaml

from didact import tables
from didact.calls import Totals
from didact.errors import ConfigError
from didact.records import JSON, Example, Message, Origin, Score
from didact.store import Run

__all__ = ["Imported", "import_samples"]

_PERCENT = frozenset({"exact_match"})
"""Metrics that ours count from 0 to 100 under the same name, and the harness from 0 to 1."""
_KEPT = ("category", "subject", "family", "type", "level")
"""Columns of an item by which a report can tell it apart; the first found is its category."""
_LONGEST = 200


@dataclass(slots=True)
class Imported:
    """What came of it."""

    models: dict[str, int] = field(default_factory=dict[str, int])
    """Model to how many items it was asked."""
    items: int = 0
    metrics: list[str] = field(default_factory=list[str])
    repeated: int = 0
    """Lines about an item that asks the same as another of its task: left out."""
    no_number: int = 0
    """Values that are no number of an item: they abstain."""

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "models": {**self.models},
            "items": self.items,
            "metrics": [*self.metrics],
            "repeated": self.repeated,
            "no_number": self.no_number,
        }


class _Table:
    """Items, answers and scores, as they are read."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Example] = {}
        self.ids: set[str] = set()
        self.answers: dict[tuple[str, str], tables.AnswerRow] = {}
        self.scores: dict[tuple[str, str, str], Score] = {}
        self.told = Imported()

    def add(self, model: str, task: str, row: Mapping[str, Any]) -> None:
        """One line of a file of samples."""
        key = (task, f"{row['doc_id']} {row.get('doc_hash', '')}")
        if key not in self.items:
            item = _item(task, row)
            if item.id in self.ids:
                self.told.repeated += 1
                return
            self.items[key] = item
            self.ids.add(item.id)
        item = self.items[key]
        # A line for each filter: the answer is that of the first.
        text = _text(row.get("filtered_resps", row.get("resps")))
        self.answers.setdefault((item.id, model), tables.AnswerRow(item.id, model, text, ""))
        behind = "" if row.get("filter", "none") == "none" else f" ({row['filter']})"
        for metric in cast("list[str]", row.get("metrics") or []):
            value = _number(row.get(metric))
            self.told.no_number += value is None
            if value is not None and metric in _PERCENT:
                value *= 100
            name = f"{task}/{metric}{behind}"
            self.scores[item.id, model, name] = Score(
                example_id=item.id,
                model=model,
                metric=name,
                value=value,
                reason="" if value is not None else "no number of an item",
            )


def import_samples(folders: Mapping[str, Path], out: Path) -> Imported:
    """A run at ``out`` from what the harness wrote for each model; ConfigError where it wrote none.

    Of several results of one task in a folder the newest counts.
    """
    table = _Table()
    for model, folder in folders.items():
        for task, path in _files(folder).items():
            for number, row in _rows(path):
                try:
                    table.add(model, task, row)
                except (KeyError, TypeError) as error:
                    told = f"{path}, line {number}: no sample of the harness ({error!r})"
                    raise ConfigError(told) from error
    found = table.told
    found.items = len(table.items)
    found.metrics = list(dict.fromkeys(score.metric for score in table.scores.values()))
    found.models = {model: sum(one == model for _, one in table.answers) for model in folders}
    _write(out, table, list(folders))
    return found


def _write(out: Path, table: _Table, models: Sequence[str]) -> None:
    run = Run.create(out)
    try:
        run.write_config(
            yaml.safe_dump(
                {"name": out.name, "evaluate": {"on": "evaluate/items.jsonl", "models": [*models]}},
                sort_keys=False,
            )
        )
        with run.writing("evaluate") as folder:
            folder.write(tables.ITEMS, table.items.values())
            folder.write(tables.ANSWERS, table.answers.values())
            folder.write(tables.SCORES, table.scores.values())
            folder.write_json("statistics.json", {"lm-evaluation-harness": table.told.to_json()})
            outputs: JSON = {file.name: "" for file in sorted(folder.path.glob("*.parquet"))}
            count = len(table.answers)
            run.finish(folder, {**_STAGE, "read": count, "kept": count, "outputs": outputs})
    finally:
        run.close()


_STAGE: Mapping[str, JSON] = {
    "stage": "evaluate",
    "skipped": False,
    "fingerprint": "imported from lm-evaluation-harness",
    "kept": 0,
    "dropped": {},
    "failures": 0,
    "failed": [],
    "calls": Totals().to_json(),
    "seconds": 0.0,
    "models": {},
    "spending": [],
}


def _files(folder: Path) -> dict[str, Path]:
    """Task to its newest file of samples, anywhere in the folder."""
    if folder.is_file():
        return {_task(folder): folder}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("samples_*.jsonl"), key=lambda path: (_when(path), str(path))):
        found[_task(path)] = path
    if not found:
        raise ConfigError(
            f"{folder}: no samples of the harness (samples_*.jsonl); run it with"
            " --log_samples --output_path"
        )
    return found


def _task(path: Path) -> str:
    return path.stem.removeprefix("samples_").rpartition("_")[0] or path.stem


def _when(path: Path) -> str:
    return path.stem.rpartition("_")[2]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ConfigError(f"{path}, line {number}: not JSON ({error})") from error
            if isinstance(row, dict):
                yield number, cast("dict[str, Any]", row)


def _item(task: str, row: Mapping[str, Any]) -> Example:
    asked, options = _asked(row["arguments"])
    doc = cast("dict[str, Any]", row["doc"]) if isinstance(row["doc"], dict) else {}
    meta: dict[str, JSON] = {"suites": [task], "key": row["doc_id"]}
    category = next((doc[key] for key in _KEPT if isinstance(doc.get(key), str | int)), None)
    if category is not None:
        meta["category"] = str(category)
    if options:
        meta["options"] = [*options]
    target = row.get("target")
    messages = [*asked, Message("assistant", str(target).strip())] if target is not None else asked
    return Example(messages=tuple(messages), meta=meta, origin=Origin(recipe="lm-eval"))


def _asked(arguments: Any) -> tuple[list[Message], list[str]]:  # noqa: ANN401  (of a file)
    """What was asked; of a task of log-likelihoods the options too."""
    given = list(cast("dict[str, Any]", arguments).values()) if isinstance(arguments, dict) else []
    calls = [cast("dict[str, Any]", one) for one in given]
    first: Any = calls[0]["arg_0"]
    # Chats are given as JSON in a list of their own.
    prompt = str(cast("list[Any]", first)[0]) if isinstance(first, list) else str(first)
    options = [str(one["arg_1"]) for one in calls if isinstance(one.get("arg_1"), str)]
    try:
        turns = json.loads(prompt)
        messages = [Message(turn["role"], turn["content"]) for turn in turns]
    except (ValueError, TypeError, KeyError):
        messages = [Message("user", prompt)]
    return messages, options


def _text(replies: Any) -> str:  # noqa: ANN401  (of a file)
    """The reply as text; of log-likelihoods the list of them."""
    while isinstance(replies, list) and len(cast("list[Any]", replies)) == 1:
        replies = cast("list[Any]", replies)[0]
    return replies if isinstance(replies, str) else json.dumps(replies)[: 10 * _LONGEST]


def _number(value: Any) -> float | None:  # noqa: ANN401  (of a file)
    if isinstance(value, bool | int | float) and isfinite(value):
        return float(value)
    return None
