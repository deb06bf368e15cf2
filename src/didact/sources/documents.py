"""Documents as examples with one answer and no question: what backtranslation starts from.

Instruction backtranslation (Li et al. 2023, arXiv 2308.06259) writes the instruction that a text of
the web would answer. Here a document becomes an example of a single assistant turn; what is known
about it goes to ``meta``: ``title``, ``document`` (its path or id), ``format``. Cutting it into
segments is a recipe's work. Read are text, Markdown and HTML files, folders of them, and rows with
a text (JSON Lines, Parquet). HTML becomes Markdown with its headings, unless ``html: raw``.

Cost: no calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.errors import ConfigError
from didact.formats.containers import open_bytes
from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.records import JSON, Example, Message, Origin
from didact.text.markdown import markdown_of

__all__ = ["Documents"]

_ORIGIN = Origin(recipe="documents")
_FORMATS = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Texts without a question: pages, articles, manuals."""

    path: Path
    """A .txt, .md or .html file (.gz is decompressed), a folder of them, or a .jsonl, .json or
    .parquet file of rows with a text."""
    text: str = "text"
    """The key of the text, of rows."""
    html: Literal["markdown", "raw"] = "markdown"
    """What becomes of HTML: Markdown, or itself, for a recipe that reads its tags."""
    licence: str = ""
    """Whose terms the documents are under; a row's own ``licence`` goes before it."""
    generator: str = "human"
    """Who wrote them."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a document that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every document; of a folder, in the order of their paths."""
        stated = provenance(self.licence, self.generator)
        if self.path.is_dir():
            found = sorted(path for path in self.path.rglob("*") if _format(path))
            if not found:
                kinds = ", ".join(_FORMATS)
                raise ConfigError(f"{self.path}: there is no document in it ({kinds})")
            for path in found:
                yield from self._file(path, str(path.relative_to(self.path)), stated, refusals)
        elif _format(self.path):
            yield from self._file(self.path, self.path.name, stated, refusals)
        else:
            reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
            yield from reading.examples(lambda data: self._row(data, stated))

    def _file(
        self, path: Path, name: str, stated: dict[str, JSON], refusals: Refusals | None
    ) -> Iterator[Example]:
        kind = _format(path)
        refusals = Refusals() if refusals is None else refusals
        refusals.read += 1
        try:
            with open_bytes(path) as file:
                raw = file.read().decode("utf-8-sig")
            text = markdown_of(raw) if kind == "html" and self.html == "markdown" else raw
            problem = "" if is_text(text) else "the file is empty; a document must hold text"
        except (OSError, EOFError, ValueError) as error:
            text = raw = ""
            problem = f"cannot be read as {kind} in UTF-8 ({error})"
        if problem:
            if self.on_error == "stop":
                raise ConfigError(f"{path}: {problem}. Or set `on_error: skip`; it is counted.")
            refusals.add("empty" if "empty" in problem else "unreadable", f"{path}: {problem}")
            return
        meta = {**stated, "document": name, "format": kind, "title": _title(raw, text, kind, path)}
        yield _document(text.strip(), meta)

    def _row(self, data: Data, stated: dict[str, JSON]) -> Sequence[Example]:
        text = data.get(self.text)
        if not is_text(text):
            text = row_of(data, renamed=True).text(self.text, meaning="text")
        meta: dict[str, JSON] = {**stated, "format": "text"}
        for key, value in data.items():
            if key != self.text:
                meta["document" if key == "id" else key] = value
        return (_document(text, meta),)


def _document(text: str, meta: dict[str, JSON]) -> Example:
    return Example(messages=(Message("assistant", text),), meta=meta, origin=_ORIGIN)


def _format(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix != ".gz"]
    return _FORMATS.get(suffixes[-1], "") if suffixes else ""


def _title(raw: str, text: str, kind: str, path: Path) -> str:
    found = _TITLE.search(raw) if kind == "html" else None
    found = found or (_HEADING.search(text) if kind != "text" else None)
    return " ".join(found[1].split()) if found else path.name.partition(".")[0]
