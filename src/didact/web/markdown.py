"""Markdown of a model as HTML that does nothing: parsed, then written anew from a list of tags.

Three fences, one behind the other. The parser (markdown-it, CommonMark and tables) takes no HTML: a
tag in the text stays text. What it writes is read again and written from scratch, only tags that
are listed here, without attributes but the address of a link, which must be of the web. And the
page forbids whatever could still happen (its content security policy). Pictures become their words:
one would tell its server that the page was read.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

from markupsafe import Markup

from didact.web.texts import LONGEST, shown

__all__ = ["markdown", "sanitised"]

_TAGS = frozenset({
    "p", "br", "hr", "blockquote", "ul", "ol", "li", "pre", "code", "em", "strong", "del", "a",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
})  # fmt: skip
_SILENT = frozenset({"script", "style", "template", "iframe", "object", "svg", "math", "title"})
_VOID = frozenset({"br", "hr"})
# Headings of a text stand below those of the page.
_WRITTEN = {"h1": "h4", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6"}


def markdown(text: object, limit: int = LONGEST) -> Markup:
    """A text as its Markdown means it; what is longer than ``limit`` is cut."""
    from markdown_it import MarkdownIt

    whole = str(text)
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table")
    html = parser.render(whole[:limit].replace("\0", "\N{REPLACEMENT CHARACTER}"))
    return sanitised(html) + Markup("…" if len(whole) > limit else "")


def sanitised(html: str) -> Markup:
    """HTML with nothing in it but the tags listed here, closed in order."""
    writer = _Writer()
    # Declarations and comments stay text: Python's parser gives up on some that are none.
    writer.feed(html.replace("<!", "&lt;!"))
    writer.close()
    return writer.whole()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _SILENT:
            self._silent += 1
        elif tag == "img" and not self._silent:
            self._parts.append(shown(given.get("alt") or ""))
        elif tag in _TAGS and not self._silent:
            name = _WRITTEN.get(tag, tag)
            self._parts.append(f"<{name}{_address(given.get('href')) if tag == 'a' else ''}>")
            if tag not in _VOID:
                self._open.append(name)

    def handle_endtag(self, tag: str) -> None:
        name = _WRITTEN.get(tag, tag)
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif name in self._open and tag not in _VOID:
            while (last := self._open.pop()) != name:
                self._parts.append(f"</{last}>")
            self._parts.append(f"</{name}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(shown(data, len(data)))

    def whole(self) -> Markup:
        """What was written, with everything closed."""
        closing = [f"</{name}>" for name in reversed(self._open)]
        return Markup("".join([*self._parts, *closing]))


def _address(href: str | None) -> str:
    address = (href or "").strip()
    if not address.lower().startswith(("http://", "https://")) or not address.isprintable():
        return ""
    return f' href="{escape(address)}" rel="noopener noreferrer nofollow"'
