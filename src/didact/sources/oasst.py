"""OpenAssistant Conversations: trees of messages that volunteers wrote, rated and ranked.

Köpf et al. 2023 (arXiv 2304.07327). Reads the exports (a tree or a message a line) and the flat
table of the hub. ``policy`` says what of a tree becomes examples:

- ``all-paths``: every thread from the first prompt to a last answer, as the project's own SFT data;
- ``best-path``: only threads whose answers all rank first (``top: 1``);
- ``first-turn``: the first prompt with its best answer, one example a tree;
- ``pairs``: prefixes with several ranked answers; each answer but the worst is an example whose
  ``meta.rejected`` holds all that rank below it, for preference training.

Trees that are not ready, spam, deleted, synthetic or in another language give nothing; each such
tree is counted by its reason. The split into training and validation is by tree: ``meta.tree``.

Differences: the original gives nothing of a branch whose deepest messages are deleted or synthetic,
and a deleted question that comes first hides its siblings; here such messages are taken out of the
tree first, so that what was said before them counts (``mode: faithful`` does as the original).

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from didact.formats.oasst_trees import Gathering, Node, Tree, alternate, ranked, threads, tree_of
from didact.formats.reading import Data, Reading, provenance, row_of
from didact.formats.refusals import Refusals
from didact.records import JSON, Example, Message, Origin
from didact.text.rows import RowError

__all__ = ["Oasst"]

_ORIGIN = Origin(recipe="oasst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Oasst:
    """Conversations between volunteers, from trees with ranked answers."""

    path: Path
    """Trees, messages or flat rows, as JSON Lines or Parquet; .gz is decompressed."""
    policy: Literal["all-paths", "best-path", "first-turn", "pairs"] = "all-paths"
    """What of a tree becomes examples."""
    top: int | None = None
    """Only answers of a rank below this (0 is best) in ``all-paths``; all where null."""
    languages: tuple[str, ...] = ()
    """Only trees whose prompt is in these languages (BCP 47: ``en``, ``pt-BR``); all if empty."""
    states: tuple[str, ...] = ("ready_for_export",)
    """Only trees in these states; all where empty."""
    synthetic: bool = False
    """Whether messages that a model wrote count."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """``faithful`` drops whole threads for one deleted message, as the original does."""
    licence: str = "Apache-2.0"
    """Whose terms the data is under."""
    generator: str = "human"
    """Who wrote it; synthetic answers name their model."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, tree by tree, in the order of the file."""
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        stated = provenance(self.licence, self.generator)
        for tree in _trees(reading):
            if why := self._unwanted(tree):
                reading.leave_out(why, f"tree {tree.id}: {why}")
                continue
            found = list(self._examples(tree, stated))
            if not found:
                reading.leave_out("no thread fits", f"tree {tree.id}: no thread fits")
            yield from found

    def _unwanted(self, tree: Tree) -> str:
        root = tree.root
        if self.states and tree.state and tree.state not in self.states:
            return f"state {tree.state}"
        if not root.prompter:
            return "it does not start with a prompter"
        if root.data.get("review_result") is False:
            return "spam"
        if self.languages and root.data.get("lang") not in self.languages:
            return f"language {root.data.get('lang')}"
        if root.flag("deleted"):
            return "deleted"
        return "synthetic" if root.flag("synthetic") and not self.synthetic else ""

    def _examples(self, tree: Tree, stated: dict[str, JSON]) -> Iterator[Example]:
        if self.policy == "pairs":
            for prefix, replies in ranked(tree.root, synthetic=self.synthetic):
                for n, reply in enumerate(replies[:-1]):
                    worse: list[JSON] = [other.text for other in replies[n + 1 :]]
                    yield _example(tree, (*prefix, reply), {**stated, "rejected": worse})
            return
        top = 1 if self.policy == "best-path" else self.top
        for thread in self._threads(tree, top):
            if len(thread) > 1 and alternate(thread):
                yield _example(tree, thread, stated)

    def _threads(self, tree: Tree, top: int | None) -> Iterator[tuple[Node, ...]]:
        if self.policy != "first-turn":
            yield from threads(tree, top=top, synthetic=self.synthetic, mode=self.mode)
            return
        good = [
            reply
            for reply in tree.root.replies
            if not reply.prompter
            and not reply.flag("deleted")
            and (self.synthetic or not reply.flag("synthetic"))
        ]
        if good:
            # Unranked ones come last, in the order of the file.
            yield (tree.root, min(good, key=lambda r: r.rank if r.rank is not None else len(good)))


def _trees(reading: Reading) -> Iterator[Tree]:
    rows = reading.rows()
    first = next(rows, None)
    if first is None:
        return
    every = chain((first,), rows)
    if "prompt" in first or "replies" in first or "parent_id" not in first:
        for data in every:
            try:
                tree = tree_of(data)
            except RowError as error:
                reading.refuse(error)
                continue
            yield tree
        return
    yield from _flat(reading, every)


def _flat(reading: Reading, rows: Iterator[Data]) -> Iterator[Tree]:
    """Trees of flat rows; a row without its parent is refused, and so is all below it."""
    gathering: Gathering | None = None
    for data in rows:
        try:
            if data.get("parent_id") is None:
                if gathering:
                    yield gathering.tree
                    gathering = None
                gathering = Gathering(data)
            elif gathering is None:
                row_of(data).fail("no row before it is a prompt", reason="no parent before it")
            else:
                gathering.add(data)
        except RowError as error:
            reading.refuse(error)
    if gathering:
        yield gathering.tree


def _example(tree: Tree, thread: Sequence[Node], stated: dict[str, JSON]) -> Example:
    last = thread[-1]
    meta: dict[str, JSON] = {
        **stated,
        "tree": tree.id,
        "message": last.id,
        "lang": thread[0].data.get("lang"),
        "rank": last.rank,
    }
    if last.flag("synthetic"):
        meta["generator"] = str(last.data.get("model_name") or "a model")
    if quality := _quality(last):
        meta["quality"] = quality
    return Example(messages=tuple(map(_message, thread)), meta=meta, origin=_ORIGIN)


def _message(node: Node) -> Message:
    # Most messages are in several threads: each is made once.
    if node.message is None:
        node.message = Message("user" if node.prompter else "assistant", node.text)
    return node.message


def _quality(node: Node) -> JSON:
    """The mean rating of quality, of either way of writing labels."""
    labels = node.data.get("labels")
    if not isinstance(labels, dict):
        return None
    names, values = labels.get("name"), labels.get("value")
    if isinstance(names, list) and isinstance(values, list):
        return dict(zip(map(str, names), values, strict=False)).get("quality")
    rating = labels.get("quality")
    return rating.get("value") if isinstance(rating, dict) else None
