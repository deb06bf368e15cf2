"""A data set of the Hugging Face hub by its id, read by the source of its shape.

Downloads the data files of one revision (once; afterwards the hub's own cache answers, also without
a network) and reads each with the source that ``reader`` names; where it names none, the one that
knows the id, or else the one that the first row looks like. Pin ``revision`` to a commit for a run
that others can repeat: it is part of the fingerprint, what ``main`` points to today is not.

Needs huggingface_hub, which comes with ``pip install "didact[train]"``. Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast

from didact.components import build, find
from didact.errors import ConfigError
from didact.formats.detection import source_of
from didact.formats.hub_files import hub_folder
from didact.formats.refusals import Refusals
from didact.records import JSON, Example

__all__ = ["Hub"]

_READERS: Mapping[str, str] = {
    "anthropic/hh-rlhf": "hh",
    "databricks/databricks-dolly-15k": "dolly",
    "gair/lima": "lima",
    "open-orca/openorca": "openorca",
    "openassistant/oasst1": "oasst",
    "openassistant/oasst2": "oasst",
    "tatsu-lab/alpaca": "alpaca",
    "vicgalle/alpaca-gpt4": "alpaca",
    "wizardlm/wizardlm_evol_instruct_70k": "evol",
    "wizardlm/wizardlm_evol_instruct_v2_196k": "evol",
    "yahma/alpaca-cleaned": "alpaca",
}
_KNOWN: Mapping[str, Mapping[str, JSON]] = {
    "yahma/alpaca-cleaned": {"licence": "CC BY 4.0"},
    "vicgalle/alpaca-gpt4": {"generator": "gpt-4"},
}
_DATA = ("*.jsonl", "*.jsonl.gz", "*.json", "*.json.gz", "*.parquet", "*.tsv", "*.csv")
_NO_DATA = ("dataset_info*.json", "dataset_dict.json", "*/state.json", "state.json", ".*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A data set of the hub by its id."""

    dataset: str
    """Its id: ``databricks/databricks-dolly-15k``."""
    revision: str = "main"
    """A branch, a tag or, to repeat a run, a commit."""
    files: tuple[str, ...] = ()
    """Patterns of the files to read (``data/train-*``); all data files where empty."""
    reader: str = ""
    """The source that reads them: ``dolly``, ``jsonl``; by the id or the first row where empty."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of that source: ``{instruction: question, on_error: skip}``."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example of every file, in the order of the files' names."""
        folder = hub_folder(self.dataset, self.revision, self.files or _DATA)
        found = [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and self._wanted(path, folder)
        ]
        if not found:
            raise ConfigError(f"{self.dataset}: no data file fits {self.files or _DATA}")
        name = self.dataset.lower()
        for path in found:
            reader = self.reader or _READERS.get(name) or source_of(path)
            settings: dict[str, JSON] = {**_KNOWN.get(name, {}), **self.settings, "path": str(path)}
            source, problems = build(find("sources", reader), settings)
            if problems:
                told = "; ".join(f"{'.'.join(map(str, p.at))}: {p.message}" for p in problems)
                raise ConfigError(f"{self.dataset}, read by {reader}: {told}")
            for example in cast("Iterator[Example]", source.read(refusals)):
                yield replace(example, meta={"dataset": self.dataset, **example.meta})

    def _wanted(self, path: Path, folder: Path) -> bool:
        name = path.relative_to(folder).as_posix()
        patterns = self.files or _DATA
        return any(fnmatch(name, one) for one in patterns) and not any(
            fnmatch(path.name, one) or fnmatch(name, one) for one in _NO_DATA
        )
