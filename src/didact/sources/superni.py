"""Super-NaturalInstructions: tasks with a definition, examples of it and many instances.

Super-NaturalInstructions: Generalization via Declarative Instructions on 1600+ NLP Tasks (Wang et
al. 2022, arXiv 2204.07705). A task is a JSON file with ``Definition``, ``Positive Examples``,
``Negative Examples`` and ``Instances`` of ``{"id", "input", "output": [references]}``; here a file,
a directory of them, or JSON Lines of tasks with their name under ``Task``. A split is a file of
task names. Tests take the first 100 instances of a task, training draws up to 100.

`prompt: tk-instruct` writes the prompt of Tk-Instruct to the character, `plain` gives the
definition as the instruction and the instance as the input. Differences: examples that fit are
measured by bytes, four a token, for want of a tokenizer here, and a prompt that is too long even
without examples is not cut; what is drawn for an instance follows from its content. Every reference
stays with the example, and the one to train on is the first, or drawn with `reference: drawn`. A
reference without text is left out; an instance with none is left out and counted.

Cost: no calls.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import ClassVar, Literal, NamedTuple, NoReturn, cast

from didact.errors import ConfigError
from didact.formats.containers import open_bytes
from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.labelled.tk_instruct import ENCODINGS, Encoding, Prompts, Shown
from didact.records import INPUT_MARK, JSON, Example, Message, Origin, digest
from didact.stats.mixing import Sample
from didact.text.rows import Row, RowError

__all__ = ["Superni"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Superni:
    """Tasks of Super-NaturalInstructions, as prompts or as instruction, input and output."""

    version: ClassVar[str] = "1"

    path: Path
    """A task's .json, a directory of them, or .jsonl of tasks; .gz is decompressed."""
    tasks: Path | None = None
    """A split: a file with the names of the tasks to read, one a line; None: all there are."""
    split: Literal["train", "test"] = "train"
    """`train` draws `instances` of each task by content; `test` takes the first."""
    instances: int | None = 100
    """The most instances of a task; None: all."""
    prompt: Literal["tk-instruct", "plain"] = "tk-instruct"
    """The prompt of Tk-Instruct, or instruction and input as other data has them."""
    encoding: Literal["fixed", "mixed"] = "fixed"
    """`mixed` draws one of Tk-Instruct's five for each instance, in place of the next five."""
    definition: bool = True
    """Show the definition."""
    positive: int = 2
    """Positive examples shown."""
    negative: int = 0
    """Negative examples shown."""
    explanations: bool = False
    """Show why the examples are as they are."""
    task_name: bool = False
    """Begin with the task's name."""
    most_tokens: int = 1024
    """Of a prompt, at four bytes a token: examples beyond are not shown."""
    reference: Literal["first", "drawn"] = "first"
    """Which of several right answers is trained on; the others stay as references."""
    draw: int = 0
    """Another number draws other instances."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a task that cannot be read does: end the reading, or be left out and counted."""

    def __post_init__(self) -> None:
        if self.instances is not None and self.instances < 1:
            raise ConfigError("instances must be at least 1")
        if min(self.positive, self.negative) < 0:
            raise ConfigError("positive and negative are numbers of examples")

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every instance of every task of the split, task by task."""
        wanted = _names(self.tasks) if self.tasks else None
        found: set[str] = set()
        files = [self.path]
        if self.path.is_dir():
            files = sorted(p for p in self.path.iterdir() if _TASK_FILE.search(p.name))
            if not files:
                raise ConfigError(f"{self.path}: there is no task*.json in it")
        counts = refusals if refusals is not None else Refusals()
        for file in files:
            name = _TASK_FILE.sub("", file.name)
            one = ".jsonl" not in file.name
            if one and wanted is not None and name not in wanted:
                continue
            reading = Reading(file, on_error=self.on_error, refusals=counts)
            for data in _tasks(file, reading):
                task = str(data.get("Task") or name)
                if wanted is not None and task not in wanted:
                    continue
                found.add(task)
                try:
                    examples = self._examples(task, data, reading)
                except RowError as error:
                    reading.refuse(error)
                    continue
                yield from examples
        if wanted is not None and not found:
            raise ConfigError(f"{self.path}: none of the tasks of {self.tasks} is in it")
        if refusals is None:
            counts.log(str(self.path))

    def _examples(self, name: str, data: Data, reading: Reading) -> list[Example]:
        task = _Task.read(name, data)
        # What the instances share is made once: a task has thousands of them.
        prompts = cache(partial(self._prompts, task))
        own = prompts(self._encoding)
        origin = Origin(recipe="superni", version=self.version)
        answers: dict[str, Message] = {}
        # Randomness is drawn by the instance, and only where it is needed.
        draws = self.encoding == "mixed" or self.reference == "drawn"
        made: list[Example] = []
        for instance in self._taken(task):
            references, write = instance.references, own
            if not references:
                detail = f"{name}, {instance.id}: no reference holds any text"
                reading.leave_out("no reference", detail)
                continue
            chosen = references[0]
            if draws:
                rng = Random(f"{self.draw} {name} {instance.key}")
                chosen = rng.choice(references) if self.reference == "drawn" else chosen
                write = prompts(rng.choice(ENCODINGS)) if self.encoding == "mixed" else own
            answer = answers.get(chosen) or answers.setdefault(chosen, Message("assistant", chosen))
            others: list[JSON] = [text for text in references if text != chosen]
            meta = {**task.meta, "instance": instance.id, "references": others}
            turns = (Message("user", write(instance.input)), answer)
            made.append(Example(messages=turns, meta=meta, origin=origin))
        return made

    @property
    def _encoding(self) -> Encoding:
        return Encoding(
            task_name=self.task_name,
            definition=self.definition,
            positive=self.positive,
            negative=self.negative,
            explanations=self.explanations,
        )

    def _prompts(self, task: _Task, encoding: Encoding) -> Callable[[str], str]:
        """What writes the user turn of an instance."""
        if self.prompt == "plain":
            return partial(_plain, task.definition)
        return Prompts(
            encoding,
            task=task.name,
            definition=task.definition,
            positive=task.positive,
            negative=task.negative,
            most=self.most_tokens,
        ).write

    def _taken(self, task: _Task) -> Sequence[_Instance]:
        if self.instances is None:
            return task.instances
        if self.split == "test" or len(task.instances) <= self.instances:
            return task.instances[: self.instances]
        sample = Sample[_Instance](self.instances, seed=self.draw)
        for instance in task.instances:
            sample.offer(instance, f"{task.name}/{instance.key}")
        return sample.items()


class _Instance(NamedTuple):
    id: str
    input: str
    references: Sequence[str]
    """Those that hold some text."""
    outputs: Sequence[str]
    """All, as they stand in the file."""

    @property
    def key(self) -> str:
        """Of the content: ids differ between the copies of the collection."""
        return digest([self.input, *self.outputs])


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    definition: str
    positive: tuple[Shown, ...]
    negative: tuple[Shown, ...]
    instances: tuple[_Instance, ...]
    meta: dict[str, JSON]

    @classmethod
    def read(cls, name: str, data: Data) -> _Task:
        """A task from its JSON; RowError says what is wrong with it."""
        row = row_of(data)
        definition = data.get("Definition")
        # Old files have one text where newer ones have a list.
        if isinstance(definition, list) and definition:
            definition = definition[0]
        if not is_text(definition):
            row.text("Definition") if "Definition" not in data else _fail(row, "Definition")
        assert isinstance(definition, str)
        licence = data.get("Instance License")
        stated = licence[0] if isinstance(licence, list) and licence else licence
        meta: dict[str, JSON] = {
            **provenance(str(stated or ""), "human"),
            "task": name,
            "categories": data.get("Categories") or [],
            "domains": data.get("Domains") or [],
            "languages": [
                *_texts(data.get("Input_language")),
                *_texts(data.get("Output_language")),
            ],
        }
        return cls(
            name=name,
            definition=definition.strip(),
            positive=_shown(row, "Positive Examples"),
            negative=_shown(row, "Negative Examples"),
            instances=_instances(row),
            meta=meta,
        )


def _instances(row: Row) -> tuple[_Instance, ...]:
    """The instances; only one that is not in order is looked at as a row of its own."""
    found: list[_Instance] = []
    listed = row.data.get("Instances")
    parts: list[Row] | None = None
    for number, part in enumerate(listed if isinstance(listed, list) else ()):
        if type(part) is dict:
            named, given, output = part.get("id"), part.get("input"), part.get("output")
            texts = type(output) is list and all(map(is_text, output))
            if texts and is_text(named) and is_text(given):
                references = cast("list[str]", output)
                found.append(_Instance(named, given, references, references))
                continue
        parts = parts or row.parts("Instances")
        found.append(_instance(parts[number]))
    if not found:
        row.parts("Instances")
    return tuple(found)


def _instance(row: Row) -> _Instance:
    output = row.data.get("output")
    outputs = [output] if isinstance(output, str) else output
    if not isinstance(outputs, list) or not all(isinstance(text, str) for text in outputs):
        row.fail("'output' must be a list of right answers, each a text")
    texts = cast("list[str]", outputs)
    references = list(filter(is_text, texts))
    return _Instance(row.optional_text("id"), row.optional_text("input"), references, texts)


def _plain(definition: str, given: str) -> str:
    given = given.strip()
    return f"{definition}{INPUT_MARK}{given}" if given else definition


def _shown(row: Row, key: str) -> tuple[Shown, ...]:
    if not row.data.get(key):
        return ()
    return tuple(
        Shown(
            part.optional_text("input"),
            part.optional_text("output"),
            part.optional_text("explanation"),
        )
        for part in row.parts(key)
    )


def _texts(value: JSON) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _fail(row: Row, key: str) -> NoReturn:
    row.fail(f"{key!r} must be a text that is not empty, or a list of them")


def _tasks(file: Path, reading: Reading) -> Iterator[Data]:
    """The task in a file of its own, written over many lines, or one task a line."""
    whole = ".jsonl" not in file.name
    empty = True
    with open_bytes(file) as content:
        try:
            for number, line in enumerate([content.read()] if whole else content, 1):
                if not line.strip():
                    continue
                empty = False
                reading.line = number
                reading.refusals.read += 1
                try:
                    yield _object(line)
                except RowError as error:
                    reading.refuse(error)
        except (OSError, EOFError, zlib.error) as error:
            raise ConfigError(f"{file}: the file is damaged: {error}") from error
    if empty:
        raise ConfigError(f"{file}: the file is empty; it must hold a task as a JSON object")


def _object(text: bytes) -> Data:
    try:
        # The public files say NaN where a task has no URL.
        data: object = json.loads(text.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise RowError("", f"not a JSON object ({error})", "not JSON") from error
    if not isinstance(data, dict):
        told = f"a task must be a JSON object, this is {str(data)!r:.60}"
        raise RowError("", told, "not an object")
    return cast("Data", data)


def _names(path: Path) -> frozenset[str]:
    with open_bytes(path) as file:
        return frozenset(line for line in file.read().decode("utf-8").split() if line)


_TASK_FILE = re.compile(r"\.json(l)?(\.gz)?$")
