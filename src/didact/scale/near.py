"""What a worker does for a growing pool: looks texts up in parts that it was given.

It keeps the parts that it was asked last, up to ``HELD`` texts of all of them, and says which it
lacks. The longest kept ones end with the process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from didact.records import JSON
from didact.scale.wire import array_json, array_of
from didact.text.novelty_index import Encoded
from didact.text.parted import PartIndex

__all__ = ["HELD", "near"]

HELD = 1 << 20
"""Texts of all parts that a worker keeps: some 400 MB of instructions."""

_parts: OrderedDict[str, PartIndex] = OrderedDict()


def near(data: Mapping[str, Any]) -> JSON:
    """For each part the rows that it has near texts to; or which parts are ``wanted``."""
    wanted: list[JSON] = []
    for part in data["parts"]:
        if part["key"] in _parts:
            _parts.move_to_end(part["key"])
        elif "texts" in part:
            _parts[part["key"]] = PartIndex(data["rule"], _texts(*part["texts"]))
        else:
            wanted.append(part["key"])
    if wanted:
        _forget()
        return {"wanted": wanted}
    texts = _texts(data["ids"], data["ends"])
    starts = np.concatenate([[0], texts.ends])
    rows: list[JSON] = []
    for part in data["parts"]:
        first, last = part["from"], part["to"]
        some = Encoded(
            texts.ids[starts[first] : starts[last]], texts.ends[first:last] - starts[first]
        )
        found, scores = _parts[part["key"]].nearest(some)
        hit = np.flatnonzero(found >= 0)
        rows.append(
            {
                "rows": array_json(hit + first),
                "found": array_json(found[hit]),
                "scores": array_json(scores[hit]),
            }
        )
    _forget()
    return {"rows": rows}


def _texts(ids: str, ends: str) -> Encoded:
    return Encoded(array_of(ids, np.int32), array_of(ends, np.int64))


def _forget() -> None:
    while sum(map(len, _parts.values())) > HELD and len(_parts) > 1:
        _parts.popitem(last=False)
