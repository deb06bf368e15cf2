"""Test items of the Hugging Face hub: files of a data set, read by the suite of their shape.

Downloads the files of one revision (once; afterwards the hub's own cache answers, also without a
network) and reads each with the suite that ``suite`` names, or the one that knows the id. Pin
``revision`` to a commit for a run that others can repeat: what ``main`` points to changes, and the
items with it, so the evaluation is made anew. Needs ``pip install "didact[train]"``. No calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any, NamedTuple

from didact.components import build, find
from didact.context import Source
from didact.errors import ConfigError
from didact.formats.hub_files import hub_folder
from didact.records import JSON, Example

__all__ = ["Hub"]


class _Known(NamedTuple):
    """Where the test items of a data set are, and what reads them."""

    suite: str
    files: str
    settings: Mapping[str, JSON] = {}


_KNOWN: Mapping[str, _Known] = {
    "allenai/ai2_arc": _Known("multiple-choice", "ARC-Challenge/test-*", {"answer": "answerKey"}),
    "cais/mmlu": _Known("multiple-choice", "all/test-*", {"category": "subject"}),
    "google/ifeval": _Known("ifeval", "*.jsonl"),
    "huggingfaceh4/mt_bench_prompts": _Known("mt-bench", "raw/question.jsonl"),
    "openai/gsm8k": _Known("gsm8k", "main/test-*"),
    "rowan/hellaswag": _Known(
        "multiple-choice",
        "data/validation-*",
        {"question": "ctx", "options": "endings", "answer": "label"},
    ),
    "tatsu-lab/alpaca_eval": _Known("alpaca-eval", "alpaca_eval.json"),
    "tau/commonsense_qa": _Known("multiple-choice", "data/validation-*", {"answer": "answerKey"}),
}
"""By the id in lower case. The layout of a data set may change: then name files and settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The test items of a data set of the hub, by its id."""

    dataset: str
    """Its id: ``openai/gsm8k``."""
    revision: str = "main"
    """A branch, a tag or, to repeat a run, a commit."""
    files: tuple[str, ...] = ()
    """Patterns of the files to read (``main/test-*``); for an id that is known none is needed."""
    suite: str = ""
    """The suite that reads them: ``gsm8k``, ``multiple-choice``, ``jsonl``; or by the id."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of that suite: ``{question: stem, answer: label}``."""

    def __post_init__(self) -> None:
        if self.dataset.lower() not in _KNOWN and not (self.suite and self.files):
            known = ", ".join(sorted(_KNOWN))
            told = f"{self.dataset!r} is not known: name `suite` and `files` (known are: {known})"
            raise ConfigError(told)

    def read(self) -> Iterator[Example]:
        """Every item of every file, in the order of the files' names."""
        known = _KNOWN.get(self.dataset.lower(), _Known(self.suite, ""))
        patterns = self.files or (known.files,)
        folder = hub_folder(self.dataset, self.revision, patterns)
        found = [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and any(fnmatch(path.relative_to(folder).as_posix(), one) for one in patterns)
        ]
        if not found:
            raise ConfigError(f"{self.dataset}: no file fits {', '.join(patterns)}")
        name = self.suite or known.suite
        stated: Mapping[str, JSON] = known.settings if name == known.suite else {}
        for path in found:
            settings: dict[str, JSON] = {**stated, **self.settings, "path": str(path)}
            suite, problems = build(find("suites", name), settings)
            if problems:
                told = "; ".join(f"{'.'.join(map(str, p.at))}: {p.message}" for p in problems)
                raise ConfigError(f"{self.dataset}, read by {name}: {told}")
            reader: Source = suite
            yield from reader.read()
