"""Drop or redact what holds private data: addresses, numbers with check digits, keys.

Reason: what a model is tuned on it repeats. Patterns with checksums instead of a model: a number is
a bank card only where its check digit is right, an account only where its remainder is 1; what is
reserved for examples is let through. The kinds are told in ``text/private.py``; names of persons
and street addresses are not found.

An example is redacted before it is judged (``rewrite``): where something private is still in it,
it is dropped, so that nothing leaks where redaction did not take place.

Cost: no call of a model; some ten microseconds a kilobyte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, cast

from didact.records import JSON, Example, Verdict
from didact.text.private import KINDS, Kind, find_private, redact

__all__ = ["Pii"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pii:
    """Drop or redact e-mail and IP addresses, telephone, card and account numbers, keys."""

    version: ClassVar[str] = "1"

    action: Literal["drop", "redact"] = "drop"
    """`redact` puts a mark such as [email] in the place of each."""
    kinds: tuple[Kind, ...] = KINDS
    """What to look for: `key`, `iban`, `card`, `ssn`, `email`, `ip`, `phone`."""

    def rewrite(self, example: Example) -> Example:
        """The example without what is private, where the action is `redact`; else as it is."""
        if self.action == "drop":
            return example
        counts: Counter[str] = Counter()
        messages = [
            replace(message, content=self._redacted(message.content, counts))
            for message in example.messages
        ]
        meta = {
            key: self._redacted_json(value, counts) if key in _TRAINED_ON else value
            for key, value in example.meta.items()
        }
        if not counts:
            return example
        origin = replace(example.origin, parents=(*example.origin.parents, example.id))
        meta["redacted"] = cast("JSON", dict(counts))
        return Example(messages=tuple(messages), meta=meta, origin=origin)

    def _redacted(self, text: str, counts: Counter[str]) -> str:
        counts.update(one.kind for one in find_private(text, kinds=self.kinds))
        return redact(text, kinds=self.kinds)

    def _redacted_json(self, value: JSON, counts: Counter[str]) -> JSON:
        if isinstance(value, str):
            return self._redacted(value, counts)
        if isinstance(value, list):
            return [self._redacted_json(part, counts) for part in value]
        if isinstance(value, dict):
            return {key: self._redacted_json(part, counts) for key, part in value.items()}
        return value

    def check(self, example: Example) -> Verdict:
        """Keep it, or tell what stands where; never the private data itself."""
        found: list[JSON] = []
        for place, text in _texts(example):
            for one in find_private(text, kinds=self.kinds):
                found.append({"kind": one.kind, "in": place, "start": one.start, "end": one.end})
        if not found:
            return Verdict(keep=True)
        first = cast("dict[str, JSON]", found[0])
        return Verdict(
            keep=False,
            reason=f"private: {first['kind']}",
            score=float(len(found)),
            evidence={"found": found[:20]},
        )


_TRAINED_ON = ("references", "rejected")
"""Keys of ``meta`` whose texts a trainer or an evaluator shows to a model."""


def _texts(example: Example) -> Iterator[tuple[str, str]]:
    """Every text of an example, with the name of its place."""
    for turn, message in enumerate(example.messages):
        yield f"message {turn}", message.content
    for key in _TRAINED_ON:
        for text in _strings(example.meta.get(key)):
            yield key, text


def _strings(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value if isinstance(value, list) else value.values():
            yield from _strings(part)
