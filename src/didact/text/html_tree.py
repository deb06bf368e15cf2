"""A small tree of an HTML text, as forgiving as browsers are about tags left open.

The standard library's tokenizer, with the tree rules that matter for chat pages: a void element
holds nothing, an end tag closes the nearest element of its name with all that is open in it, one
that matches nothing is ignored, white space alone counts as one space or line break.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Element", "parse_html"]

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "menuitem"}
    | {"meta", "param", "source", "track", "wbr", "basefont", "bgsound", "command", "frame"}
    | {"image", "isindex", "nextid", "spacer"}
)
_DEEPEST = 150
"""Elements within elements; deeper ones are put beside one another, so that no text is too deep."""


@dataclass(slots=True, eq=False)
class Element:
    """One element: what is in it, in order."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list["Element | str"])

    def inside(self, name: str) -> bool:
        """Whether this or an element around it has the name."""
        element: Element | None = self
        while element is not None and element.name != name:
            element = element.parent
        return element is not None


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("")
        self._at = self.root
        self._depth = 0
        self._data: list[str] = []

    def flush(self) -> None:
        text = "".join(self._data)
        self._data = []
        if not text:
            return
        if not text.strip("\n\t\f\r ") and not self._at.inside("pre"):
            text = "\n" if "\n" in text else " "
        self._at.children.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.flush()
        element = Element(tag, {name: value or "" for name, value in attrs}, self._at)
        self._at.children.append(element)
        if tag not in _VOID and self._depth < _DEEPEST:
            self._at = element
            self._depth += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        self.flush()
        if not self._at.inside(tag):
            return
        while self._at.parent is not None:
            name, self._at = self._at.name, self._at.parent
            self._depth -= 1
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        self._data.append(data)

    def error(self, message: str) -> None:
        raise ValueError(message)


def parse_html(text: str) -> Element:
    """The tree of a text; its root has no name. ValueError where the markup cannot be told."""
    tree = _Tree()
    try:
        tree.feed(text)
        tree.close()
    except AssertionError as error:
        raise ValueError(f"not HTML: {error}") from error
    tree.flush()
    return tree.root
