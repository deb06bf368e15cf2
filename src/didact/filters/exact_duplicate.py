"""Keep each text once: its first appearance.

Reason: Dolly's clean-up and every published set began with it, and a repeated row is trained on
twice. Ours compares texts in Unicode's composed form (NFC), case-folded, white space collapsed, and
names the row that was kept. Records with the same messages have the same id, so a run collapses
those by itself; this filter also finds the ones that differ in case or spaces, or in one part.

Cost: no call of a model; about five microseconds and 45 bytes a row.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from didact.digests import Digests
from didact.records import Example, Verdict
from didact.text.parts import Part, part_of

__all__ = ["ExactDuplicate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactDuplicate:
    """Drop what says the same, letter for letter, as an earlier example."""

    version: ClassVar[str] = "1"

    part: Part = "example"
    """What is compared: `instruction`, `input`, `prompt` (instruction and input), `output`, or
    `example`, all of it. A part that is empty is never a duplicate."""
    compare: Literal["letters", "bytes"] = "letters"
    """`letters` takes no notice of upper case, white space and Unicode's ways of writing the same
    letter; `bytes` of nothing."""

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order."""
        texts, first = Digests(), bytearray()
        for example in examples:
            text = part_of(example, self.part)
            if not text or text.isspace():
                yield Verdict(keep=True)
                continue
            if self.compare == "letters":
                text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
                text = " ".join(text.split())
            # The text itself would hold a second copy of the whole corpus.
            data = text.encode("utf-8", "surrogatepass")
            before = len(texts)
            number = texts.add(hashlib.blake2b(data, digest_size=16).digest())
            if number < before:
                first_id = first[16 * number : 16 * number + 16].hex()
                yield Verdict(keep=False, reason="duplicate", evidence={"first_id": first_id})
            else:
                first += bytes.fromhex(example.id)
                yield Verdict(keep=True)
