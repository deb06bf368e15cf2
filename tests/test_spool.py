"""Examples that wait in memory and on the disk: in order, whole, and gone once taken."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.records import Example, Origin
from didact.spool import Examples, Spool
from didact.tables import Waiting

ORIGIN = Origin(recipe="r", parents=("p",), calls=("c",))


def row(number: int) -> Waiting:
    example = Example.single("say", f"é{number}", origin=ORIGIN, meta={"n": [number, None]})
    return Waiting(f"key {number}", example, number % 2 == 0, "like" if number % 3 == 0 else "")


def test_many_examples_wait_on_the_disk_and_come_back_as_they_were(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "deep" / "folder", most=4)
    for number in range(23):
        spool.add(row(number))
    assert len(spool) == 23
    assert len(list((tmp_path / "deep" / "folder").iterdir())) == 4
    assert list(spool) == [row(number) for number in range(23)]
    assert [spool[n] for n in range(23)] == [row(number) for number in range(23)]
    assert spool[-1] == row(22)
    assert spool[3:9] == [row(number) for number in range(3, 9)]
    with pytest.raises(IndexError):
        _ = spool[23]
    seen = Examples(spool)
    assert list(seen) == [row(number).example for number in range(23)]
    assert seen[10] == row(10).example
    assert seen[:2] == [row(0).example, row(1).example]
    assert list(spool.taken()) == [row(number) for number in range(23)]
    assert not spool
    assert not list((tmp_path / "deep" / "folder").iterdir())


def test_few_examples_are_never_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "folder", most=4)
    for number in range(100):
        spool.add(row(number))
        assert spool.take() == row(number)
    assert not (tmp_path / "folder").exists()
    with pytest.raises(IndexError):
        spool.take()


@given(moves=st.lists(st.booleans(), max_size=60))
def test_whatever_comes_and_goes_the_order_is_kept(
    tmp_path_factory: pytest.TempPathFactory, moves: list[bool]
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"), most=3)
    line: deque[Waiting] = deque()
    for number, comes in enumerate(moves):
        if comes or not line:
            spool.add(row(number))
            line.append(row(number))
        else:
            assert spool.take() == line.popleft()
        assert len(spool) == len(line)
        assert list(spool) == list(line)
    assert list(spool.taken()) == list(line)
