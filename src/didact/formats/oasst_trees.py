"""The message trees of OpenAssistant: put together from any of their files, and their threads.

OpenAssistant Conversations (Köpf et al. 2023, arXiv 2304.07327). Three files hold the same trees:
one tree a line, one message a line with its replies inside, and the flat table of the hub, whose
rows are in depth-first order, so that a child follows its parent; a row whose parent is not on the
way up from the last row is an error: the order was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from didact.formats.reading import is_text, row_of
from didact.records import JSON, Message

__all__ = ["Gathering", "Node", "Ranked", "Tree", "alternate", "ranked", "threads", "tree_of"]


@dataclass(slots=True, eq=False)
class Node:
    """One message, and what was replied to it."""

    data: Mapping[str, JSON]
    """The message as the file has it."""
    prompter: bool
    """Whether a person asks; otherwise an assistant answers."""
    replies: list[Node] = field(default_factory=list["Node"])
    message: Message | None = None
    """The turn it is, once it was asked for."""

    @property
    def id(self) -> str:
        """The message's id."""
        return str(self.data.get("message_id"))

    @property
    def text(self) -> str:
        """What it says."""
        return cast("str", self.data["text"])

    @property
    def rank(self) -> int | None:
        """0 is the best of its siblings; None where people did not rank."""
        found = self.data.get("rank")
        return int(found) if isinstance(found, int | float) else None

    def flag(self, key: str) -> bool:
        """``deleted`` and ``synthetic``."""
        return bool(self.data.get(key))


class Tree(NamedTuple):
    """One conversation with all its branches."""

    id: str
    state: str
    root: Node
    whole: bool
    """Whether no message of it is deleted or synthetic."""


class Ranked(NamedTuple):
    """A prefix that ends with the prompter, and its replies, best first."""

    prefix: tuple[Node, ...]
    replies: tuple[Node, ...]


def _node(data: Mapping[str, JSON]) -> Node:
    """The node of a message; RowError where it is none."""
    text, role = data.get("text"), data.get("role")
    if not is_text(text):
        row_of(data).text("text")
    if role != "prompter" and role != "assistant":
        told = f"'role' must be prompter or assistant, it is {role!r}"
        row_of(data).fail(told, reason="an unknown role")
    return Node(data, role == "prompter")


def _whole(data: Mapping[str, JSON]) -> bool:
    return not data.get("deleted") and not data.get("synthetic")


def tree_of(data: Mapping[str, JSON]) -> Tree:
    """The tree of a row that holds a whole one: RowError where it does not."""
    if "prompt" in data:
        prompt = data["prompt"]
        if not isinstance(prompt, dict):
            row_of(data).fail("'prompt' must be a message", reason="no prompt")
    else:
        prompt = dict(data)
    root = _node(prompt)
    waiting = [root]
    whole = True
    while waiting:
        node = waiting.pop()
        whole = whole and _whole(node.data)
        replies = node.data.get("replies")
        if not replies:
            continue
        if not isinstance(replies, list) or not all(isinstance(r, dict) for r in replies):
            row_of(node.data).fail("'replies' must be a list of messages", reason="no replies")
        node.replies = [_node(cast("dict[str, JSON]", reply)) for reply in replies]
        waiting += node.replies
    return Tree(
        id=str(data.get("message_tree_id") or root.id),
        state=str(data.get("tree_state") or ""),
        root=root,
        whole=whole,
    )


class Gathering:
    """A tree put together from flat rows: the first is its prompt."""

    def __init__(self, data: Mapping[str, JSON]) -> None:
        root = _node(data)
        self.tree = Tree(
            id=str(data.get("message_tree_id") or root.id),
            state=str(data.get("tree_state") or ""),
            root=root,
            whole=_whole(data),
        )
        self._way = [root]

    def add(self, data: Mapping[str, JSON]) -> None:
        """A row under the nearest row before it that is its parent."""
        parent = data.get("parent_id")
        way = len(self._way)
        while way and self._way[way - 1].id != parent:
            way -= 1
        if not way:
            told = (
                f"its parent {parent!r} is not among the rows before it: the rows are not in"
                " depth-first order (were they shuffled?), so the trees cannot be put together"
            )
            row_of(data).fail(told, reason="no parent before it")
        node = _node(data)
        if self.tree.whole and not _whole(data):
            self.tree = self.tree._replace(whole=False)
        self._way[way - 1].replies.append(node)
        self._way[way:] = [node]


def threads(
    tree: Tree,
    *,
    top: int | None = None,
    synthetic: bool = False,
    mode: Literal["corrected", "faithful"] = "corrected",
) -> Iterator[tuple[Node, ...]]:
    """The threads to train on: from the root to leaves, without a last question of the prompter.

    Of several unanswered questions to one answer only the first counts, whatever became of it.
    ``top`` takes assistant messages of a rank below it; an unranked one only where it is the only
    reply. Faithful, a thread with a deleted message is none, nor is one with a synthetic one unless
    asked; corrected, such messages and all below them are not there.
    """
    root = tree.root
    if mode == "corrected" and not tree.whole:
        root = _pruned(root, synthetic=synthetic)
    stack: list[tuple[Node, ...]] = [(root,)]
    while stack:
        thread = stack.pop()
        leaf = thread[-1]
        if leaf.replies:
            stack += [(*thread, reply) for reply in reversed(leaf.replies)]
            continue
        if len(thread) < 2 or (leaf.prompter and thread[-2].replies[0] is not leaf):
            continue
        if not tree.whole and any(_barred(node, synthetic=synthetic) for node in thread):
            continue
        if top is not None and not all(_within(thread, n, top) for n in range(1, len(thread))):
            continue
        yield thread[:-1] if leaf.prompter else thread


def alternate(thread: Sequence[Node]) -> bool:
    """Whether prompter and assistant take turns, the prompter first."""
    asks = True
    for node in thread:
        if node.prompter is not asks:
            return False
        asks = not asks
    return True


def _barred(node: Node, *, synthetic: bool) -> bool:
    return node.flag("deleted") or (node.flag("synthetic") and not synthetic)


def _pruned(node: Node, *, synthetic: bool) -> Node:
    kept = [
        _pruned(reply, synthetic=synthetic)
        for reply in node.replies
        if not _barred(reply, synthetic=synthetic)
    ]
    return Node(node.data, node.prompter, kept)


def _within(thread: Sequence[Node], n: int, top: int) -> bool:
    node = thread[n]
    if node.prompter:
        return True
    if node.rank is None:
        return len(thread[n - 1].replies) == 1
    return node.rank < top


def ranked(root: Node, *, synthetic: bool = False) -> Iterator[Ranked]:
    """Every prefix ending with the prompter that has more than one ranked reply."""
    stack: list[tuple[Node, ...]] = [(root,)]
    while stack:
        prefix = stack.pop()
        last = prefix[-1]
        if _barred(last, synthetic=synthetic):
            continue
        stack += [(*prefix, reply) for reply in reversed(last.replies)]
        good = [
            reply
            for reply in last.replies
            if reply.rank is not None and not _barred(reply, synthetic=synthetic)
        ]
        if last.prompter and len(good) > 1:
            yield Ranked(prefix, tuple(sorted(good, key=lambda reply: cast("int", reply.rank))))
