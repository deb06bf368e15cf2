"""Documents cut at their headings: HTML, Markdown, plain text.

Of instruction backtranslation (Li et al. 2023, arXiv 2308.06259): a segment is the text under one
header node with the sub-trees of its lower-level headers. The published text names no program for
it; ours walks the tree of an HTML page in order, so that a heading rules what follows it however
deep it is nested, and writes lists and sub-headings with Markdown's marks. Page furniture that HTML
names as such (``nav``, ``footer``, ``form``, scripts) is left out. Plain text has no headings and
is one section. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from didact.text.html_tree import Element, parse_html

__all__ = ["Block", "Format", "Section", "html_blocks", "markdown_blocks", "sections"]

Format: TypeAlias = Literal["html", "markdown", "text"]


class Block(NamedTuple):
    """A heading (levels 1 to 6), or the text up to the next one (level 0)."""

    level: int
    text: str


class Section(NamedTuple):
    """What stands under one heading, sub-headings and their texts with it."""

    header: str | None
    """None for a document without headings: nothing can be said against what it has not."""
    text: str
    start: int
    """The place of its heading among the blocks; sections of one document nest by these."""
    end: int
    """The place of the first block that is no longer of it."""


def sections(document: str, format: Format) -> list[Section]:
    """One for every heading, in order, the outer before the inner; ValueError for broken markup."""
    if format == "text":
        return [Section(None, document.strip(), 0, 1)]
    blocks = html_blocks(document) if format == "html" else markdown_blocks(document)
    found: list[Section] = []
    for start, block in enumerate(blocks):
        if not block.level:
            continue
        after = range(start + 1, len(blocks))
        end = next((n for n in after if 0 < blocks[n].level <= block.level), len(blocks))
        found.append(Section(block.text, _written(blocks[start + 1 : end]), start, end))
    return found


def _written(blocks: Sequence[Block]) -> str:
    lines = [f"{'#' * block.level} {block.text}" if block.level else block.text for block in blocks]
    return "\n\n".join(line.strip("\n") for line in lines if line.strip(" #"))


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text; what is inside code fences is no heading."""
    blocks: list[Block] = []
    body: list[str] = []
    fence = ""

    def flush() -> None:
        if joined := "\n".join(body).rstrip().lstrip("\n"):
            blocks.append(Block(0, joined))
        body.clear()

    for line in _FRONT.sub("", text).splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        atx = None if fence or mark else _ATX.match(line)
        under = None if fence else _SETEXT.match(line)
        if atx:
            flush()
            blocks.append(Block(len(atx[1]), (atx[2] or "").strip()))
        elif under and body and body[-1].strip() and not _NO_TITLE.match(body[-1]):
            title = body.pop().strip()
            flush()
            blocks.append(Block(1 if under[1][0] == "=" else 2, title))
        else:
            body.append(line)
    flush()
    return blocks


def html_blocks(text: str) -> list[Block]:
    """The blocks of an HTML text."""
    writer = _Writer()
    writer.walk(parse_html(text))
    writer.flush()
    return writer.blocks


class _Writer:
    """Walks a tree; what it has written since the last heading is one block."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._gap = 0

    def walk(self, element: Element) -> None:
        for child in element.children:
            if isinstance(child, str):
                bare = element.inside("pre")
                self._say(child if bare else re.sub(r"\s+", " ", child), bare=bare)
            elif child.name in _HEADINGS:
                self.flush()
                title = " ".join("".join(_texts(child)).split())
                self.blocks.append(Block(int(child.name[1]), title))
            elif child.name not in _SILENT:
                self._element(child)

    def _element(self, element: Element) -> None:
        gap = 2 if element.name in _PARAGRAPHS else 1 if element.name in _LINES else 0
        self._gap = max(self._gap, gap)
        if element.name == "li":
            self._say(f"{_bullet(element)} ")
        self.walk(element)
        self._gap = max(self._gap, gap)

    def _say(self, text: str, *, bare: bool = False) -> None:
        starts = not self._parts or self._gap > 0
        if starts and not bare:
            text = text.lstrip(" ")
        if not text:
            return
        if self._parts and self._gap:
            self._parts[-1] = self._parts[-1].rstrip(" ")
            self._parts.append("\n" * self._gap)
        self._gap = 0
        self._parts.append(text)

    def flush(self) -> None:
        """End the block."""
        lines = "".join(self._parts).split("\n")
        if text := "\n".join(line.rstrip() for line in lines).strip("\n"):
            self.blocks.append(Block(0, text))
        self._parts, self._gap = [], 0


def _texts(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.name not in _SILENT:
            yield from _texts(child)


def _bullet(element: Element) -> str:
    """The mark of an item; one that is left open holds those after it."""
    around = element.parent
    while around is not None and around.name not in ("ol", "ul"):
        around = around.parent
    if around is None or around.name == "ul":
        return "-"
    return f"{next(n for n, item in enumerate(_items(around), 1) if item is element)}."


def _items(element: Element) -> Iterator[Element]:
    for child in element.children:
        if isinstance(child, Element) and child.name not in ("ol", "ul"):
            if child.name == "li":
                yield child
            yield from _items(child)


_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SILENT = frozenset(
    {"script", "style", "head", "title", "noscript", "template", "nav", "footer", "form", "button"}
    | {"select", "textarea", "svg", "iframe", "object"}
)
_PARAGRAPHS = frozenset(
    {"p", "ul", "ol", "dl", "pre", "table", "blockquote", "figure", "hr", "address"}
)
_LINES = frozenset(
    {"li", "br", "tr", "dt", "dd", "div", "section", "article", "main", "aside", "header", "body"}
    | {"figcaption", "details", "summary", "fieldset"}
)
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(={2,}|-{2,})[ \t]*$")
_NO_TITLE = re.compile(r"\s*(?:[|>*+-]|\d+[.)]\s)")
"""What cannot be a heading above a line of hyphens: a row of a table, a quote, an item."""
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_FRONT = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*\n", re.DOTALL)
"""The settings that some Markdown files begin with."""
