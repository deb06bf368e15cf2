from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from didact.report.charts import (
    Bar,
    Line,
    Mark,
    Span,
    Verb,
    bars,
    bins,
    histogram,
    intervals,
    lines,
    ticks,
    wheel,
)

HOSTILE = "</title><script>&\"'"


def drawn() -> dict[str, str]:
    told = {"title": HOSTILE, "desc": HOSTILE}
    span = Span(label=HOSTILE, mean=50, low=40, high=60, note=HOSTILE, group=HOSTILE, mark=54)
    verb = Verb(verb=HOSTILE, count=3, nouns=[(HOSTILE, 2), ("word", 1)])
    return {
        "bars": bars([Bar(label=HOSTILE, value=3, note=HOSTILE)], **told),
        "no bars": bars([], **told),
        "intervals": intervals([span], **told),
        "histogram": histogram(
            bins([1, 2, 9]), axis=HOSTILE, marks=[Mark(4, HOSTILE, "plain")], **told
        ),
        "lines": lines(
            [Line(label=HOSTILE, points=[(1, 2.0), (2, 1.0)])], x=HOSTILE, y=HOSTILE, **told
        ),
        "wheel": wheel([verb], **told),
        "no wheel": wheel([], **told),
    }


@pytest.mark.parametrize("name", list(drawn()))
def test_every_chart_is_well_formed_titled_and_escaped(name: str) -> None:
    root = ElementTree.fromstring(drawn()[name])
    assert root.get("role") == "img"
    assert root.get("aria-label") == HOSTILE
    assert [child.text for child in root][:2] == [HOSTILE, HOSTILE]
    assert root.find(".//script") is None
    assert "nan" not in drawn()[name]


def test_bins_hold_every_value_once_the_longest_tail_in_the_last() -> None:
    values = [0, 1, 1, 4, 5, 19, *([3] * 400), 10_000]
    columns = bins(values, most=10)
    assert sum(column.number for column in columns) == len(values)
    assert len(columns) <= 10
    assert all(b.low == a.high for a, b in pairwise(columns))
    assert bins([], most=10) == []


def test_bins_reach_a_published_mean_beyond_the_data() -> None:
    assert bins([3, 4], reach=15.9)[-1].high > 15.9


def test_a_similarity_on_the_edge_of_a_bin_falls_into_the_upper_one() -> None:
    columns = bins([0.15, 0.7, 1.0, 0.0], whole=False)
    filled = [round(column.low, 2) for column in columns if column.number]
    assert filled == [0.0, 0.15, 0.7, 0.95]


@pytest.mark.parametrize(("low", "high"), [(0, 100), (0, 1), (0, 3.4), (0.2, 0.9), (0, 7), (5, 5)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 12
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)


def test_the_sectors_of_the_wheel_are_as_wide_as_their_counts() -> None:
    verbs = [Verb(verb="write", count=9, nouns=[("poem", 6), ("story", 3)])]
    verbs.append(Verb(verb="sort", count=3, nouns=[("list", 3)]))
    root = ElementTree.fromstring(wheel(verbs, title="t", desc="d"))
    paths = root.findall(".//path")
    assert [path.findtext("title") for path in paths] == [
        *("write: 9", "write poem: 6", "write story: 3", "sort: 3", "sort list: 3")
    ]
    # 6 of 12 is half a turn: from the top to the bottom of the outer ring.
    move, arc = str(paths[1].get("d")).split("A")[:2]
    end = arc.split("L")[0].split()
    start = [float(part) for part in move[1:].split()]
    assert start[0] == 0
    assert math.isclose(float(end[-1]), -start[1], abs_tol=0.1)


def test_an_interval_is_drawn_from_its_low_to_its_high_end() -> None:
    span = Span(label="a", mean=50, low=0, high=100)
    whisker = ElementTree.fromstring(intervals([span], title="t", desc="d")).find(".//path")
    assert whisker is not None
    assert str(whisker.get("d")).startswith("M12.0 ")
    assert "H428.0" in str(whisker.get("d"))
