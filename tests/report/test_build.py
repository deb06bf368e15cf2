from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from made_run import write_run

from didact.errors import StoreError
from didact.report.build import build
from didact.report.reading import read
from didact.report.sheet import make_sheet
from didact.store import Run

MakeRun = Callable[..., Path]

SECTIONS = (
    *("results", "funnel", "filters", "touched", "audit", "shape", "verbs", "training"),
    *("families", "examples", "cost"),
)
POISON = "<script>alert(1)</script>&\"'</title></svg>\x00\x1b[31m\u202e"
INTERVAL = re.compile("\\[\N{MINUS SIGN}?\\d+\\.\\d, \N{MINUS SIGN}?\\d+\\.\\d\\]")
VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """A page's elements; any tag left open or closed twice is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.children: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.children.append((self.open[-1] if self.open else "", tag))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in tags]

    @property
    def ids(self) -> list[str | None]:
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(name: str = "quickstart", **options: Any) -> Path:
        return write_run(tmp_path / name, name=name, **options)

    return make


def page_of(*runs: Path) -> tuple[str, Page]:
    out = build(runs, runs[0].parent / "report.html")
    html = out.read_text(encoding="utf-8")
    return html, Page(html)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    return page_of(write_run(tmp_path_factory.mktemp("runs") / "quickstart"))


def test_a_page_of_a_whole_run_has_every_section_and_is_small(whole: tuple[str, Page]) -> None:
    html, page = whole
    assert [id for id in page.ids if id != "content"] == list(SECTIONS)
    assert len(html.encode()) < 300_000


def test_a_page_loads_nothing_and_runs_nothing(whole: tuple[str, Page]) -> None:
    html, page = whole
    assert not page.all("script", "img", "iframe", "object", "embed", "base", "form")
    for tag, attrs in page.tags:
        assert not any(name.startswith("on") for name in attrs), tag
        for name in ("src", "href", "action", "data", "xlink:href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:,")), (tag, attrs)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in str(page.all("meta"))


def test_the_first_sentence_says_score_gain_and_intervals(whole: tuple[str, Page]) -> None:
    lede = " ".join(re.sub(r"<[^>]+>", "", whole[0].split('class="lede">')[1]).split()).split("dt")[
        0
    ]
    number = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
    assert re.match(
        rf"Tuned on \d+ examples that this run kept, the model scores \d+\.\d ROUGE-L "
        rf"\[\d+\.\d, \d+\.\d\] on 139 test items: \+\d+\.\d points \[\d+\.\d, \d+\.\d\] over the "
        rf"base, which scores {number}\.",
        lede,
    ), lede


def test_every_score_of_a_model_stands_with_its_interval(whole: tuple[str, Page]) -> None:
    results = whole[0].split('id="results"')[1].split("</section>")[0]
    families = whole[0].split('id="families"')[1].split("</section>")[0]
    for cell in re.findall(r"<td>([^<\d]?\d+\.\d.*?)</td>", results + families):
        assert INTERVAL.search(cell), cell
    assert "1 answer was not scored" in results


def test_every_picture_has_a_title_and_every_table_a_caption_and_scopes(
    whole: tuple[str, Page],
) -> None:
    _, page = whole
    pictures = [svg for svg in page.all("svg") if svg.get("aria-hidden") != "true"]
    assert len(pictures) >= 10
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in pictures)
    nested = Counter(page.children)
    assert nested["svg", "title"] == nested["svg", "desc"] == len(pictures)
    assert nested["table", "caption"] == len(page.all("table"))
    assert all(th.get("scope") in {"col", "row", "rowgroup"} for th in page.all("th"))


def test_the_audit_stands_beside_the_papers_figures(whole: tuple[str, Page]) -> None:
    audit = whole[0].split('id="audit"')[1].split("</section>")[0]
    assert re.findall(r"paper (\d+\.\d) %", audit) == ["92.0", "79.0", "58.0", "54.0"]
    assert "Of 380 instructions kept, 25.0 % [20.9, 29.6] stand to the letter" in audit
    assert "41 families; 9 of these no seed shows" in audit


def test_headings_descend_one_level_at_a_time(whole: tuple[str, Page]) -> None:
    levels = [int(tag[1]) for tag, _ in whole[1].tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_reader_can_skip_to_the_content_and_every_anchor_exists(whole: tuple[str, Page]) -> None:
    _, page = whole
    anchors = [(a["href"] or "").removeprefix("#") for a in page.all("a")]
    assert anchors[0] == "content"
    assert set(anchors) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert dict(page.tags)["html"]["lang"] == "en"


def test_nothing_that_a_model_wrote_becomes_markup(make_run: MakeRun) -> None:
    html, page = page_of(make_run(poison=POISON, size=120, items=40))
    assert not page.all("script")
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 60
    assert not re.search(r"[\x00-\x08\x1b]", html)
    assert [id for id in page.ids if id != "content"] == list(SECTIONS)


@pytest.mark.parametrize(
    ("stages", "sections"),
    [
        ((), ("cost",)),
        (("generate",), ("funnel", "shape", "verbs", "examples", "cost")),
        (("generate", "filter"), ("funnel", "filters", "shape", "verbs", "examples", "cost")),
        (
            ("generate", "filter", "train"),
            ("funnel", "filters", "shape", "verbs", "training", "examples", "cost"),
        ),
    ],
)
def test_a_stage_that_has_not_run_leaves_its_sections_out(
    make_run: MakeRun, stages: tuple[str, ...], sections: tuple[str, ...]
) -> None:
    html, page = page_of(make_run(stages=stages, size=120, audit=False))
    assert [id for id in page.ids if id != "content"] == list(sections)
    assert "dropped</h3>" in html if "filter" in stages else "dropped</h3>" not in html


def test_items_without_families_have_no_family_table(make_run: MakeRun) -> None:
    html, page = page_of(make_run(size=120, items=40, families=False))
    assert "families" not in page.ids
    assert "bootstrap over the items" in html


def test_runs_stand_side_by_side_with_their_own_anchors(make_run: MakeRun) -> None:
    html, page = page_of(
        make_run("first", size=120, items=40),
        make_run("second", seed=1, size=120, items=40),
        make_run("third", stages=("generate",), size=120, audit=False),
    )
    assert len(page.ids) == len(set(page.ids))
    assert {"together", "r1-results", "r2-results", "r3-cost"} <= set(page.ids)
    assert "r3-results" not in page.ids
    assert "ROUGE-L of every model of 2 runs" in html
    assert len(html.encode()) < 3_000_000


def test_the_same_run_gives_the_same_page(make_run: MakeRun) -> None:
    run = make_run(size=120, items=40)
    assert page_of(run)[0] == page_of(run)[0]


def test_ten_kept_and_ten_dropped_examples_come_with_their_command(
    whole: tuple[str, Page],
) -> None:
    html, page = whole
    assert Counter(str(a.get("class")) for a in page.all("article"))["card"] == 20
    assert len(re.findall(r"didact show \S*quickstart [0-9a-f]{32}", html)) == 20


def test_a_very_long_text_is_cut_and_says_so(make_run: MakeRun) -> None:
    html, _ = page_of(make_run(size=120, items=40, poison="x" * 5_000))
    assert "more characters)" in html
    assert len(html.encode()) < 3_000_000


def test_a_test_item_that_stands_in_the_training_data_is_told(make_run: MakeRun) -> None:
    run = make_run(size=120, items=40)
    assert "None of the 40 test items asks" in page_of(run)[0]
    example = Run.open(run).kept()[0]
    facts = replace(read(run), items=[example])
    assert [item.id for item in facts.repeated] == [example.id]


def test_counts_of_the_funnel_and_the_log_are_read_from_the_run(make_run: MakeRun) -> None:
    sheet = make_sheet(read(make_run(size=120, items=40)))
    assert sheet.funnel is not None
    steps = dict(sheet.funnel[0].steps)
    assert steps["Instructions the model wrote"] == 1197
    assert steps["Examples generated"] == 120
    assert steps["Examples kept"] == len(sheet.facts.kept)
    filters = [sieve for sieve in sheet.funnel[0].sieves if sieve.name.startswith("Filter")]
    assert sum(sieve.dropped for sieve in filters) == 120 - len(sheet.facts.kept)
    assert sheet.facts.log is not None
    assert sheet.facts.log.made == 12
    assert sheet.total.calls.made == 1591


def test_the_money_is_told_by_part_and_by_filter_and_what_is_not_known_is_a_dash(
    make_run: MakeRun,
) -> None:
    run = make_run()
    facts = read(run)
    ledger = facts.ledger
    assert [line.usd for line in ledger.lines] == [3.0, 1.5, None]
    html = build([run], run / "report.html").read_text(encoding="utf-8")
    text = " ".join(" ".join(Page(html).text).split())
    assert "generate: self-instruct teacher 15 1 412,300 65,210 $3.00" in text
    assert "filter: parsable teacher 15 1 100 10 \N{EN DASH}" in text
    # The price of one filter is not known, so neither is that of an example.
    assert ledger.per_kept is None
    assert "for each example kept" not in text
    assert "changed from teacher-0 to teacher-1 (at call 7)" in text


def test_a_torn_last_line_of_the_loss_curve_is_left_out(make_run: MakeRun) -> None:
    assert len(read(make_run(size=120, items=40)).curve) == 120


def test_a_directory_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run directory"):
        build([tmp_path], tmp_path / "report.html")


def test_text_has_enough_contrast_in_light_and_dark() -> None:
    css = files("didact.report").joinpath("page.css").read_text()
    palettes = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in css.split(":root")[1:3]]
    for palette in palettes:
        for ground in (palette["ground"], palette["wash"]):
            assert contrast(palette["ink"], ground) >= 7
            assert min(contrast(palette[name], ground) for name in ("soft", "accent")) >= 4.5
        assert min(contrast(palette["ink"], palette[f"t{i}"]) for i in range(6)) >= 4.5
        assert min(contrast(palette[tone], palette["ground"]) for tone in ("plain", "faint")) >= 3


def contrast(a: str, b: str) -> float:
    """As the Web Content Accessibility Guidelines define it."""

    def light(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (((p + 0.055) / 1.055) ** 2.4 if p > 0.04 else p / 12.92 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_a_run_whose_filters_kept_nothing_still_has_a_sheet(make_run: MakeRun) -> None:
    facts = read(make_run(stages=("generate", "filter"), size=60, audit=False))
    sheet = make_sheet(replace(facts, kept=[]))
    assert (sheet.kept, sheet.lengths, sheet.nearest, sheet.verbs) == ((), [], None, None)
    assert len(sheet.dropped) == 10
