"""Digests and scores of many rows, held in little."""

from __future__ import annotations

import hashlib

import pytest

from didact.digests import Digests, Scores


def digest(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def test_digests_are_numbered_as_they_came_and_held_once() -> None:
    held = Digests()
    for number in range(5000):
        assert held.add(digest(number)) == number
    assert [held.add(digest(number)) for number in (0, 4999, 2500)] == [0, 4999, 2500]
    assert len(held) == 5000
    assert digest(17) in held
    assert held.find(digest(17)) == 17
    assert held[17] == digest(17)
    assert digest(5000) not in held
    assert held.find(digest(5000)) is None
    assert list(held) == [digest(number) for number in range(5000)]


def test_digests_that_begin_alike_are_told_apart() -> None:
    held = Digests()
    alike = [bytes(8) + number.to_bytes(8, "big") for number in range(50)]
    assert [held.add(one) for one in alike] == list(range(50))
    assert [held.find(one) for one in alike] == list(range(50))
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        held.add(b"abc")


def test_scores_are_found_by_id_and_none_costs_nothing() -> None:
    scores = Scores()
    ids = [digest(number).hex() for number in range(4)]
    scores.put(ids[0], 0.5)
    scores.put(ids[1], None)
    scores.put(ids[2], 1.0)
    scores.put(ids[2], None)
    assert scores[ids[0]] == 0.5
    assert scores.get(ids[1], 3.0) == 3.0
    assert scores[ids[2]] is None
    assert ids[3] not in scores
    assert "no id" not in scores
    assert dict(scores) == {ids[0]: 0.5, ids[2]: None}
