"""HTML as Markdown: what ShareGPT's pages and documents of the web become.

``faithful`` gives what FastChat's cleaning gave Vicuna (markdownify 0.11.6, then its repairs of
code fences and page furniture). Its faults, which ``corrected`` mends:

- underscores and asterisks of the text are escaped, also where Markdown does not ask for it;
- three line breaks become one, which joins paragraphs to the code block before them;
- the white space between the items of a list is counted as items;
- headings of the first two levels are underlined, which no segmenting by ``#`` finds;
- divisions and spans are removed by a pattern that a ``>`` in an attribute deceives.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from didact.text.html_tree import Element, parse_html

__all__ = ["chat_markdown", "looks_like_html", "markdown_of"]

Mode: TypeAlias = Literal["corrected", "faithful"]

_TAGS = re.compile(
    r"</?(?:p|div|span|pre|code|ul|ol|li|table|tr|td|th|h[1-6]|strong|em|b|i|a|br|hr|blockquote"
    r"|html|body|head|article|section)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_CODE = re.compile(r"```\s*(.*?)(?:Copy code)+(.+?)\s*?```", re.DOTALL)
_CODE_LINE = re.compile(r"```\s*(.*?)(?:Copy code)+\n?(.+?)\s*?```", re.DOTALL)
_COUNTER = re.compile(r"\d+ / \d+")
_COPIED = re.compile(r"Copy\d+ chars / \d+ words")
_EMPTY_CODE = re.compile(r"```(.*?)Copy code\s*```")
_NESTING = frozenset({"ol", "ul", "li", "table", "thead", "tbody", "tfoot", "tr", "td", "th"})
_INLINE = {"b": "**", "strong": "**", "em": "*", "i": "*", "del": "~~", "s": "~~"}
_SILENT = frozenset({"script", "style", "head", "title", "noscript", "template"})


def looks_like_html(text: str) -> bool:
    """Whether a text has tags that chat pages and documents are made of."""
    return "<" in text and _TAGS.search(text) is not None


def chat_markdown(html: str, mode: Mode = "corrected") -> str:
    """A turn of a chat page: Markdown, with the page's buttons and counters taken out."""
    if mode == "faithful":
        html = re.sub("<div.*?>", "", html)
        html = re.sub("<span.*?>", "", html)
    text = markdown_of(html, mode)
    code = _CODE if mode == "faithful" else _CODE_LINE
    text = code.sub(r"```\g<1>\n\g<2>\n```", text)
    counter = _COUNTER.match(text)
    if counter:
        text = text[counter.end() :]
    text = _EMPTY_CODE.sub("", _COPIED.sub("", text))
    if mode == "faithful":
        return text.replace("\n\n\n", "\n").strip()
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def markdown_of(html: str, mode: Mode = "corrected") -> str:
    """An HTML text as Markdown; ValueError where the markup cannot be told."""
    writer = _Writer(faithful=mode == "faithful")
    return writer.children(parse_html(html), inline=False).strip()


class _Writer:
    def __init__(self, *, faithful: bool) -> None:
        self._faithful = faithful

    def children(self, element: Element, *, inline: bool) -> str:
        if element.name in _NESTING:
            _drop_space(element, step=int(self._faithful))
        found = element.children
        return "".join(
            self._text(element, child, found[n + 1] if n + 1 < len(found) else None)
            if isinstance(child, str)
            else self._element(child, n, inline=inline)
            for n, child in enumerate(found)
        )

    def _text(self, parent: Element, text: str, follower: Element | str | None) -> str:
        code = parent.name == "code"
        around = parent.parent
        bare = parent.name == "pre" or (code and around is not None and around.name == "pre")
        if not bare and (self._faithful or not parent.inside("pre")):
            text = re.sub(r"[\t ]+", " ", text)
        if self._faithful and not code and parent.name != "pre":
            text = text.replace("*", r"\*").replace("_", r"\_")
        nested = isinstance(follower, Element) and follower.name in {"ul", "ol"}
        if parent.name == "li" and (follower is None or nested):
            text = text.rstrip()
        return text

    def _element(self, element: Element, index: int, *, inline: bool) -> str:
        name = element.name
        if not self._faithful and name in _SILENT:
            return ""
        heading = len(name) == 2 and name[0] == "h" and name[1] in "123456"
        cell = name in {"td", "th"}
        text = self.children(element, inline=inline or heading or cell)
        if name in _INLINE:
            # In a block of code they are the page's colours, not the author's marks.
            coloured = not self._faithful and element.inside("pre")
            return text if coloured else _wrapped(text, _INLINE[name])
        if name in {"code", "kbd", "samp"}:
            parent = element.parent
            bare = parent is not None and parent.name == "pre"
            bare = bare or (not self._faithful and element.inside("pre"))
            return text if bare else _wrapped(text, "`")
        if heading:
            return text if inline else self._heading(int(name[1]), text.rstrip())
        if cell:
            return f" {text} |"
        if name == "p":
            return text if inline else f"{text}\n\n" if text else ""
        if name == "li":
            return self._item(element, index, text)
        if name in {"ul", "ol"}:
            return _list(element, index, text)
        if name == "tr":
            return _row(element, index, text)
        return self._other(element, text, inline=inline)

    def _other(self, element: Element, text: str, *, inline: bool) -> str:
        match element.name:
            case "a":
                return self._link(element, text)
            case "pre":
                return f"\n```\n{text}\n```\n" if text else ""
            case "br":
                return "" if inline else "  \n" if self._faithful else "\n"
            case "hr":
                return "\n\n---\n\n"
            case "img":
                return _image(element, inline=inline)
            case "blockquote":
                if inline or not text:
                    return text
                return "\n" + re.sub("^", "> ", text, flags=re.MULTILINE) + "\n\n"
            case "table":
                return f"\n\n{text}\n"
            case "sub" | "sup":
                return _wrapped(text, "")
            case "div" | "section" | "article" if not self._faithful and not inline:
                # Blocks without a mark of their own: what follows starts on a new line.
                return f"{text.rstrip(' ')}\n" if text and not text.endswith("\n") else text
            case _:
                return text

    def _heading(self, level: int, text: str) -> str:
        if self._faithful and level <= 2:
            return f"{text}\n{'=-'[level - 1] * len(text)}\n\n" if text else ""
        return f"{'#' * level} {text}\n\n" if text or self._faithful else ""

    def _link(self, element: Element, text: str) -> str:
        before, after, text = _chomped(text)
        href, title = element.attributes.get("href"), element.attributes.get("title")
        if not text or not href:
            return text
        if text.replace(r"\_", "_") == href and not title:
            return f"<{href}>"
        shown = f' "{title}"'.replace('"', r"\"")[2:-2] if title else ""
        title_part = f' "{shown}"' if title else ""
        return f"{before}[{text}]({href}{title_part}){after}"

    def _item(self, element: Element, index: int, text: str) -> str:
        parent = element.parent
        if parent is not None and parent.name == "ol":
            start = parent.attributes.get("start", "")
            before = parent.children[:index]
            if not self._faithful:
                before = [e for e in before if isinstance(e, Element) and e.name == "li"]
            bullet = f"{(int(start) if start.isdecimal() else 1) + len(before)}."
        else:
            depth, around = -1, parent
            while around is not None:
                depth += around.name == "ul"
                around = around.parent
            bullet = "*+-"[depth % 3]
        return f"{bullet} {text.strip()}\n"


def _drop_space(element: Element, *, step: int) -> None:
    """Take out white space at the ends and beside elements of lists and tables, one by one.

    With a step of 1 what follows a piece taken out is passed over, as markdownify does.
    """
    kept = element.children
    n = 0
    while n < len(kept):
        child = kept[n]
        if isinstance(child, str) and not child.strip():
            sides = (kept[n - 1] if n else None, kept[n + 1] if n + 1 < len(kept) else None)
            if any(s is None or (isinstance(s, Element) and s.name in _NESTING) for s in sides):
                del kept[n]
                n += step
                continue
        n += 1


def _chomped(text: str) -> tuple[str, str, str]:
    """The spaces around a text, and the text: marks must touch what they mark."""
    before = " " if text[:1] == " " else ""
    after = " " if text[-1:] == " " else ""
    return before, after, text.strip()


def _wrapped(text: str, mark: str) -> str:
    before, after, text = _chomped(text)
    return f"{before}{mark}{text}{mark}{after}" if text else ""


def _list(element: Element, index: int, text: str) -> str:
    parent = element.parent
    if parent is not None and parent.inside("li"):
        return "\n" + (re.sub("^", "\t", text, flags=re.MULTILINE) if text else "").rstrip()
    after = parent.children[index + 1 : index + 2] if parent is not None else []
    last = not after or (isinstance(after[0], Element) and after[0].name in {"ul", "ol"})
    return text if last else f"{text}\n"


def _row(element: Element, index: int, text: str) -> str:
    parent = element.parent
    cells = _cells(element)
    line = "| " + " | ".join(["---"] * len(cells)) + " |\n"
    if index == 0 and all(cell.name == "th" for cell in cells):
        return f"|{text}\n{line}"
    first = parent is not None and (
        parent.name == "table"
        or (
            parent.name == "tbody"
            and parent.parent is not None
            and parent.parent.children[0] is parent
        )
    )
    if index == 0 and first:
        return "| " + " | ".join([""] * len(cells)) + f" |\n{line}|{text}\n"
    return f"|{text}\n"


def _cells(element: Element) -> list[Element]:
    found: list[Element] = []
    for child in element.children:
        if isinstance(child, Element):
            found += [child] if child.name in {"td", "th"} else []
            found += _cells(child)
    return found


def _image(element: Element, *, inline: bool) -> str:
    alt, source = element.attributes.get("alt", ""), element.attributes.get("src", "")
    title = element.attributes.get("title", "").replace('"', r"\"")
    if inline:
        return alt
    return f"![{alt}]({source}" + (f' "{title}")' if title else ")")
