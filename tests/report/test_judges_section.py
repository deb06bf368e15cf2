"""Five models on three suites with judges: one page that tells what is known of the judges."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from didact import pipeline
from didact.config import Evaluation, RunConfig, Suite
from didact.context import Evaluator
from didact.evaluators.exact_match import ExactMatch
from didact.evaluators.four_level import FourLevel
from didact.evaluators.graded import Graded
from didact.evaluators.hhh import Hhh
from didact.evaluators.length_controlled import LengthControlled
from didact.evaluators.pairwise import Pairwise
from didact.evaluators.rouge import Rouge
from didact.evaluators.scored_pair import ScoredPair
from didact.evaluators.win_rate import WinRate
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin
from didact.report.build import build
from didact.report.judges import judges
from didact.store import Run
from judge_toys import judge_of

CHROMIUM = Path("/usr/bin/chromium")
ROLES = ("base", "trained", "human", "teacher", "other")
ORIGIN = Origin(recipe="test")


def suite(name: str, count: int, *evaluators: Evaluator) -> Suite:
    items = [
        Example(
            messages=(
                Message("user", f"{name} question {n}?"),
                *([Message("user", "And then?")] if name == "talk" else []),
                Message("assistant", f"The answer is {n % 5}."),
            ),
            meta={"category": "math" if n % 2 else "writing", "question": n // 2},
            origin=ORIGIN,
        )
        for n in range(count)
    ]
    return Suite(on=items, name=name, evaluators=evaluators)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judged") / "run"
    models = {
        role: Scripted(
            name=role,
            replies=tuple(f"The answer is {n}." + " So it is." * (n * rank % 3) for n in range(5)),
        )
        for rank, role in enumerate(ROLES)
    }
    longer = judge_of(lambda a, b: 0.5 + 0.5 * ((len(a) > len(b)) - (len(a) < len(b))))
    comparing = (
        Pairwise(repeats=6, own="teacher"),
        Hhh(),
        WinRate(),
        LengthControlled(),
        ScoredPair(),
    )
    evaluation = Evaluation(
        on=(
            suite("pairs", 12, *comparing),
            suite("talk", 10, Graded(), FourLevel()),
            suite("exact", 14, Rouge(), ExactMatch()),
        ),
        models=ROLES,
    )
    judge = Scripted(replies=longer, name="judge")
    config = RunConfig(name="judged", models={**models, "judge": judge}, evaluate=evaluation)
    pipeline.evaluate(config, path)
    return path


def found_in(run: Path):
    statistics = json.loads((run / "evaluate" / "statistics.json").read_text())
    return judges(statistics, run)


def test_every_judge_of_the_run_is_there_with_what_it_was_asked(run: Path) -> None:
    found = {judge.part: judge for judge in found_in(run).judges}
    assert set(found) == {
        "pairs/pairwise", "pairs/hhh: helpful", "pairs/hhh: honest", "pairs/hhh: harmless",
        "pairs/win-rate", "pairs/length-controlled", "pairs/scored-pair",
        "talk/graded", "talk/four-level",
    }  # fmt: skip
    pairs = found["pairs/pairwise"]
    findings = {line.what: line.value for line in pairs.findings}
    assert findings["Decided pairs that the longer answer won"].mean == 1
    assert findings["Pull of length, in logits, models held equal"].low > 0
    assert findings["Pairs won by their place, whoever stood there"].mean == 0
    assert findings["Pairs judged alike when asked again"].mean == 1
    assert "Own answers won beyond what people or chance say" in findings
    assert len(pairs.pairs) == 10
    assert sum(pair.scored for pair in pairs.pairs) == 120
    for pair in pairs.pairs:
        assert pair.wins.mean + pair.ties.mean + pair.losses.mean == pytest.approx(1)
    assert {model for model, _, _ in pairs.ranking} == set(ROLES)
    levels = found["talk/four-level"].levels
    assert {sum(counts.values()) for counts in levels.values()} == {10}
    assert set(levels) == set(ROLES)


def test_rates_stand_with_their_intervals(run: Path) -> None:
    found = {judge.part: judge for judge in found_in(run).judges}
    told = {(rate.what, rate.name) for rate in found["pairs/length-controlled"].rates}
    assert {("the same at equal length, per cent", role) for role in ROLES} <= told
    assert {rate.name for rate in found["pairs/win-rate"].rates} == set(ROLES)
    assert any("over" in rate.name for rate in found["pairs/scored-pair"].rates)
    assert any(line.what.startswith("Pull") for line in found["pairs/scored-pair"].findings)


def test_no_number_of_the_section_stands_bare(run: Path, tmp_path: Path) -> None:
    page = build([run], tmp_path / "report.html").read_text(encoding="utf-8")
    section = page.split('<section id="judges">')[1].split("</section>")[0]
    cells = re.findall(r"<td[^>]*>([^<]*\d+\.\d.*?)</td>", section)
    assert len(cells) > 50
    for cell in cells:
        assert re.search(r"\[(.?\d+\.\d+|no limit), (.?\d+\.\d+|no limit)\]", cell), cell


@pytest.mark.engine
def test_five_models_on_three_suites_are_one_small_page_that_a_browser_takes(
    run: Path, tmp_path: Path
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("there is no Chromium")
    page = build([run], tmp_path / "report.html")
    assert page.stat().st_size < 5_000_000
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        view = browser.new_page(viewport={"width": 390, "height": 800})
        view.set_default_timeout(60_000)
        said: list[str] = []
        asked: list[str] = []
        view.on("console", lambda message: said.append(message.text))
        view.on("pageerror", lambda error: said.append(str(error)))
        view.on("request", lambda request: asked.append(request.url))
        view.goto(page.as_uri())
        drawn = view.evaluate(
            "[...document.querySelectorAll('svg')].map(s => [s.getAttribute('role'),"
            " s.querySelector('title')?.textContent, s.querySelector('desc')?.textContent])"
        )
        wide = view.evaluate("document.documentElement.scrollWidth")
        sections = view.evaluate("[...document.querySelectorAll('section')].map(s => s.id)")
        browser.close()
    assert said == []
    assert asked == [page.as_uri()]
    assert len(drawn) > 10
    assert all(role == "img" and title and desc for role, title, desc in drawn)
    assert wide <= 390
    assert {"results", "judges", "families"} <= set(sections)


def test_a_run_without_judges_has_no_such_section(run: Path, tmp_path: Path) -> None:
    assert not judges({"exact/rouge": {"noted": 1}, "other": 3}, tmp_path)
    assert not judges({}, Run.open(run).path)
