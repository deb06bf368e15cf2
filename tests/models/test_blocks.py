"""Blocks of memory: every row has enough, none is written for two rows, and none is lost."""

from __future__ import annotations

import random

import numpy as np

from didact.inference.blocks import Blocks


def held(blocks: Blocks, row: int) -> list[int]:
    found, begins = blocks.of(np.array([row]))
    assert begins.tolist() == [0, len(found)]
    return found.tolist()


def test_rows_get_blocks_as_they_grow() -> None:
    blocks = Blocks(4)
    assert blocks.add(np.array([4, 5], np.int32)).tolist() == [0, 0]
    assert blocks.add(np.array([1, 0], np.int32)).tolist() == [4, 5]
    found, begins = blocks.of(np.array([0, 1]))
    assert begins.tolist() == [0, 2, 4]
    assert len(set(found.tolist())) == 4
    assert 0 not in found
    assert blocks.total > max(found)


def test_copies_share_what_is_full_and_have_their_own_last_block() -> None:
    blocks = Blocks(4)
    blocks.add(np.array([10], np.int32))
    begun, copies = blocks.repeat(3)
    rows = [held(blocks, row) for row in range(3)]
    assert [row[:2] for row in rows] == [rows[0][:2]] * 3
    assert [begun.tolist(), copies.tolist()] == [[rows[0][2]], [rows[1][2], rows[2][2]]]
    assert len({row[2] for row in rows}) == 3


def test_copies_of_full_blocks_have_nothing_to_copy() -> None:
    blocks = Blocks(4)
    blocks.add(np.array([8], np.int32))
    begun, copies = blocks.repeat(3)
    assert not len(begun)
    assert not len(copies)


def test_memory_of_rows_that_left_is_used_again() -> None:
    blocks = Blocks(4)
    blocks.add(np.full(8, 40, np.int32))
    total = blocks.total
    for _ in range(30):
        blocks.clear()
        blocks.add(np.array([10], np.int32))
        blocks.repeat(7)
        blocks.add(np.full(7, 10, np.int32))
        blocks.keep(np.array([0, 6]))
        blocks.add(np.full(2, 140, np.int32))
    assert blocks.total == total


def test_no_block_is_written_for_two_rows() -> None:
    draw = random.Random(0)
    blocks = Blocks(4)
    for _ in range(50):
        blocks.clear()
        blocks.add(np.array([draw.randrange(1, 20)], np.int32))
        blocks.repeat(draw.randrange(1, 9))
        for _ in range(6):
            counts = [draw.randrange(6) for _ in blocks.lengths]
            before = blocks.add(np.array(counts, np.int32))
            written: list[int] = []
            for row, (past, count) in enumerate(zip(before, counts, strict=True)):
                mine = held(blocks, row)
                assert len(mine) == -(-blocks.lengths[row] // 4)
                written += mine[past // 4 : -(-(past + count) // 4)] if count else []
            assert len(written) == len(set(written))
            rows = range(len(counts))
            blocks.keep(np.array(sorted(draw.sample(rows, draw.randrange(1, len(counts) + 1)))))
