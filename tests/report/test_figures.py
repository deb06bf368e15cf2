"""Figures with their tables: the files, the page, and what can be drawn from runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from made_run import write_run
from typer.testing import CliRunner

from didact import tables
from didact.cli import app
from didact.errors import DidactError
from didact.records import Score
from didact.report.curve_chart import Band, Reading, Stack, curves, stacks
from didact.report.curve_figures import curve_figures
from didact.report.figures import Figure, figures_html, standalone, write_figures
from didact.report.reading import read
from didact.report.run_figures import run_figures
from didact.store import Run

HOSTILE = "</title><script>&\"'"
BAND = Band(
    label=HOSTILE,
    readings=[Reading(100, 20, 10, 30), Reading(1000, 40, float("-inf"), 55)],
    fit=(4.0, 1.0),
)
LEVEL = Band(label="base", readings=[Reading(100, 5, 5, 5)], level=True)


def drawn():
    told = {"title": HOSTILE, "desc": HOSTILE}
    return {
        "curves": curves([BAND, LEVEL], x=HOSTILE, y=HOSTILE, **told),
        "one size": curves([Band(label="a", readings=[Reading(7, 1, 0, 2)])], x="x", y="y", **told),
        "stacks": stacks([Stack(label=HOSTILE, parts=[1, 0, 3], note=HOSTILE)], "ABC", **told),
        "empty stack": stacks([Stack(label="none", parts=[0, 0, 0])], "ABC", **told),
    }


@pytest.mark.parametrize("name", list(drawn()))
def test_every_chart_is_well_formed_titled_and_escaped(name):
    for text in (drawn()[name], standalone(drawn()[name])):
        root = ElementTree.fromstring(text)
        assert root.get("role") == "img"
        assert root.get("aria-label") == HOSTILE
        assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
        assert "nan" not in text
        assert "inf" not in text.replace("information", "")


def test_sizes_ten_times_apart_are_as_far_apart_as_any_other_ten_times():
    band = Band(label="a", readings=[Reading(n, 1, 0, 2) for n in (10, 100, 1000)])
    root = ElementTree.fromstring(curves([band], title="t", desc="d", x="x", y="y"))
    points = [float(c.get("cx", "")) for c in root.iter("circle")]
    assert points[1] - points[0] == pytest.approx(points[2] - points[1], abs=0.2)


def test_the_parts_of_a_stack_are_as_wide_as_their_shares():
    root = ElementTree.fromstring(
        stacks([Stack(label="a", parts=[30, 10])], ["x", "y"], title="t", desc="d")
    )
    first, second = (float(r.get("width", "")) for r in list(root.iter("rect"))[2:])
    assert (first + 1) / (second + 1) == pytest.approx(3, rel=0.01)


def figure(name="one"):
    return Figure(
        name=name,
        title=HOSTILE,
        svg=drawn()["stacks"],
        head=["Model", HOSTILE],
        rows=[[HOSTILE, 1.25], ["b", -3]],
        note=HOSTILE,
    )


def test_every_figure_is_a_picture_of_its_own_a_table_and_a_part_of_the_page(tmp_path):
    page = write_figures([figure(), figure("two")], tmp_path / "out", title=HOSTILE, lede=[HOSTILE])
    names = {file.name for file in page.parent.iterdir()}
    assert names == {"index.html", "one.svg", "one.csv", "two.svg", "two.csv"}
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert html.count("<table>") == html.count("<svg") == 2
    assert "prefers-color-scheme: dark" in html
    picture = (tmp_path / "out" / "one.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in picture
    assert "--c0" in picture
    with (tmp_path / "out" / "one.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["Model", HOSTILE], [HOSTILE, "1.25"], ["b", "-3"]]
    before = {file: file.read_bytes() for file in page.parent.iterdir()}
    write_figures([figure(), figure("two")], tmp_path / "out", title=HOSTILE, lede=[HOSTILE])
    assert {file: file.read_bytes() for file in page.parent.iterdir()} == before


def test_nothing_to_draw_is_told(tmp_path):
    with pytest.raises(DidactError, match="nothing to draw"):
        write_figures([], tmp_path, title="x")


def judged_run(path: Path) -> Path:
    """A made-up run with levels, three questions, win rates and relative scores."""
    write_run(path, items=30, size=60)
    run = Run.create(path)
    with run.writing("evaluate") as folder:
        items = [item for item in read(path).items]
        scores = [
            Score(example_id=item.id, model=model, metric=metric, value=value, reason="")
            for number, item in enumerate(items)
            for model in ("base", "trained")
            for metric, value in (
                ("four_level", None if number == 0 else 1.0 + (number + (model == "base")) % 4),
                ("helpful", 0.5 if model == "base" else (0.0, 0.5, 1.0)[number % 3]),
                ("win_rate", 0.5 if model == "base" else (0.2, 0.9)[number % 2]),
            )
        ]
        folder.write(tables.ITEMS, items)
        folder.write(tables.ANSWERS, [])
        folder.write(tables.SCORES, scores)
        relative = {"totals": [180.0, 200.0], "ratio": [90.0, 84.0, 96.0]}
        counts = {"wins": 5, "losses": 9, "ties": 16}
        told = {"scored-pair": {"relative": {"trained over reference": {**relative, **counts}}}}
        folder.write_json("statistics.json", told)
        run.finish(folder, {"stage": "evaluate", "fingerprint": "0", "seconds": 1, "calls": {}})
    run.close()
    return path


def test_a_judged_run_gives_every_figure_of_the_surveys(tmp_path):
    figures = {one.name: one for one in run_figures([read(judged_run(tmp_path / "run"))])}
    assert set(figures) == {"verbs", "funnel", "levels", "helpful", "relative", "win-rate"}
    assert figures["levels"].rows[0][-3] == 1  # one answer was not placed, and is in no bar
    assert sum(int(n) for n in figures["levels"].rows[0][1:5]) == 29
    assert figures["helpful"].rows[0][1:4] == [10, 10, 10]
    assert "90.0 %" in str(figures["relative"].rows[0])
    assert "55.0" in str(figures["win-rate"].rows)
    assert any(row[0] == "calls for each kept example" for row in figures["funnel"].rows)
    html = figures_html(list(figures.values()), title="all")
    for one in figures.values():
        assert one.title.replace("'", "&#x27;") in html


def test_models_of_several_runs_stand_side_by_side_under_the_names_of_their_runs(tmp_path):
    runs = [read(write_run(tmp_path / name, name=name, items=20, size=40)) for name in ("a", "b")]
    figures = {one.name: one for one in run_figures(runs)}
    assert {"verbs-1", "verbs-2", "funnel-1", "funnel-2", "rougel"} <= set(figures)
    assert [str(row[0]).partition(":")[0] for row in figures["rougel"].rows] == ["a"] * 4 + [
        "b"
    ] * 4


CURVE = {
    "name": "x",
    "sizes": [10, 100],
    "seeds": 2,
    "match": "steps",
    "units": "9 families",
    "arms": [],
    "points": [
        {
            "arm": arm, "size": size, "metric": "rougeL", "score": [s, s - 2, s + 2],
            "over_base": None, "over_first": None if arm == "a" else [1.0, -1.0, 3.0],
            "p": None if arm == "a" else 0.0002, "by_seed": [s], "steps": 7.0,
        }
        for arm, s in (("a", 30.0), ("b", 31.0))
        for size in (10, 100)
    ],
    "fits": [
        {"arm": arm, "metric": "rougeL", "alpha": [6.95, 5.0, 8.9], "constant": [1.0, 0.0, 2.0],
         "off": 0.5, "over_first": None}
        for arm in ("a", "b")
    ],
    "baselines": [{"model": "base", "metric": "rougeL", "score": [10.0, 9.0, 11.0]}],
}  # fmt: skip


def test_a_curve_gives_quality_against_size_and_the_coefficients_with_their_base():
    size, alpha = curve_figures(CURVE)
    assert (size.name, alpha.name) == ("size-rougel", "alpha-rougel")
    assert "as many steps at every size" in size.note
    assert "< 0.001" in str(size.rows)
    assert "natural log" in str(alpha.head)
    assert alpha.rows[0][2] == "4.8 [3.5, 6.2]"  # for each doubling: ln 2 times
    assert "7.0 [5.0, 8.9]" in alpha.svg


def test_the_command_draws_runs_and_curves_on_one_page(tmp_path):
    run = write_run(tmp_path / "run", items=20, size=40)
    folder = tmp_path / "curve"
    folder.mkdir()
    (folder / "curve.json").write_text(json.dumps(CURVE))
    runner = CliRunner()
    done = runner.invoke(app, ["figures", str(run), str(folder)])
    assert done.exit_code == 0, done.output
    out = tmp_path / "run-figures"
    assert {"verbs.svg", "size-rougel.svg", "alpha-rougel.csv", "index.html"} <= {
        file.name for file in out.iterdir()
    }
    assert runner.invoke(app, ["figures", str(tmp_path)]).exit_code == 1
