"""Sets of digests and tables from ids to numbers that stay small: for ten million rows and more.

A Python set of ten million ids of 32 letters takes 1.5 GB. Here a digest takes its 16 bytes and six
to twelve of a table that says where it stands, which is what a dictionary does too, but without an
object for each. A look-up costs about half a microsecond.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping

__all__ = ["Digests", "Scores"]

_BYTES = 16


class Digests:
    """Digests of 16 bytes, each once, numbered as they came."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._places = array("I", bytes(4 * 1024))
        """Of every slot the number held plus one; 0 where it is free. A power of two of them."""

    def __len__(self) -> int:
        return len(self._held) // _BYTES

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._held), _BYTES):
            yield bytes(self._held[start : start + _BYTES])

    def __getitem__(self, number: int) -> bytes:
        return bytes(self._held[number * _BYTES : (number + 1) * _BYTES])

    def find(self, digest: bytes) -> int | None:
        """Its number; None where it was not added."""
        place = self._places[self._slot(digest)]
        return place - 1 if place else None

    def __contains__(self, digest: bytes) -> bool:
        return self._places[self._slot(digest)] != 0

    def add(self, digest: bytes) -> int:
        """Its number, which is how many there were before it where it is new."""
        if len(digest) != _BYTES:
            raise ValueError(f"a digest has {_BYTES} bytes, not {len(digest)}")
        slot = self._slot(digest)
        if place := self._places[slot]:
            return place - 1
        self._held += digest
        number = self._places[slot] = len(self._held) // _BYTES
        if 3 * number > 2 * len(self._places):
            self._grow()
        return number - 1

    def _slot(self, digest: bytes) -> int:
        """Where it stands, or would."""
        places, held = self._places, self._held
        mask = len(places) - 1
        slot = int.from_bytes(digest[:8], "little") & mask
        while place := places[slot]:
            if held.startswith(digest, (place - 1) * _BYTES):
                return slot
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        size = 2 * len(self._places)
        places = self._places = array("I", bytes(4 * size))
        held, mask = self._held, size - 1
        for number in range(len(self)):
            start = number * _BYTES
            slot = int.from_bytes(held[start : start + 8], "little") & mask
            while places[slot]:
                slot = (slot + 1) & mask
            places[slot] = number + 1


class Scores(Mapping[str, float | None]):
    """Scores by the id of an example; nothing is held for one that has none."""

    def __init__(self) -> None:
        self._ids = Digests()
        self._values = array("d")

    def put(self, example_id: str, score: float | None) -> None:
        """Give an example a score, in the place of an earlier one."""
        digest = bytes.fromhex(example_id)
        if score is None and digest not in self._ids:
            return
        number = self._ids.add(digest)
        value = math.nan if score is None else score
        if number == len(self._values):
            self._values.append(value)
        else:
            self._values[number] = value

    def __getitem__(self, example_id: str) -> float | None:
        try:
            number = self._ids.find(bytes.fromhex(example_id))
        except ValueError:
            number = None
        if number is None:
            raise KeyError(example_id)
        value = self._values[number]
        return None if math.isnan(value) else value

    def __iter__(self) -> Iterator[str]:
        return (digest.hex() for digest in self._ids)

    def __len__(self) -> int:
        return len(self._ids)
