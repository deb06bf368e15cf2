"""Raters in a real browser: by keyboard, closed and opened again, killed under their hands."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from browsing import launched, needs_browser, served, viewed, violations
from rated_run import write_rated_run

from didact.ratings.book import Book

pytestmark = needs_browser


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_rated_run(tmp_path_factory.mktemp("made") / "rated", items=15)


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "rated")


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def enter(view, address, name):
    view.goto(address)
    view.fill("input[name=rater]", name)
    view.keyboard.press("Enter")
    view.wait_for_selector("#rating")
    # The keys are there once the page is whole.
    view.wait_for_load_state("domcontentloaded")


def stored(view, number):
    """Wait until the page says how many are stored."""
    view.wait_for_function(
        "n => document.getElementById('stored').textContent.startsWith(n + ' stored')",
        arg=str(number),
    )


def rate(view, keys, first=1):
    for number, key in enumerate(keys, first):
        view.keyboard.press(key)
        stored(view, number)


def test_twenty_by_keyboard_closed_reopened_two_raters_results_and_export(browser, run, tmp_path):
    with served("rate", run, "--mode", "levels") as (address, _):
        with viewed(browser) as view:
            enter(view, address, "Ann")
            rate(view, "abcdabcdab")
            asked = view.locator("dl.turns").inner_text()
        with viewed(browser) as view:
            enter(view, address, "ann")
            stored(view, 10)
            assert view.locator("dl.turns").inner_text() == asked
            rate(view, "cdabcdabcd", first=11)
            view.keyboard.press("u")
            stored(view, 19)
            assert "You took back: D" in view.locator("main").inner_text()
            rate(view, "a0" + "b" * 11, first=20)
            assert "All done" in view.locator("h1").inner_text()
    with served("rate", run) as (again, _):
        assert again == address
        with viewed(browser) as view:
            enter(view, again, "bob")
            assert "Ann" not in view.content()
            rate(view, "ab" * 16)
            view.goto(again + "/results")
            text = view.locator("main").inner_text()
            assert "Kappa" in text
            assert "four_level" in text
            assert violations(view) == []
    out = tmp_path / "ratings.jsonl"
    command = [sys.executable, "-c", "from didact.cli import main; main()", "rate", run]
    subprocess.run([*command, "--export", out], check=True, capture_output=True)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 64
    assert {line["rater"] for line in lines} == {"Ann", "bob"}


@pytest.mark.parametrize("mode", ["pairwise", "audit"])
def test_every_mode_is_rated_by_keyboard_alone(browser, run, mode):
    keys = {"pairwise": ["1"], "audit": ["y", "n", "0", "Enter"]}
    with served("rate", run, "--mode", mode, "--items", 3) as (address, _), viewed(browser) as view:
        enter(view, address, "ann")
        total = int(re.search(r"of (\d+)", view.locator("h1").inner_text())[1])
        for number in range(total):
            for key in keys[mode]:
                view.keyboard.press(key)
            stored(view, number + 1)
        assert "All done" in view.locator("h1").inner_text()
    said = [event.said for event in Book.of(run).events(mode, "ann")]
    assert len(said) == total
    if mode == "audit":
        assert said[0] == {
            "valid_instruction": "yes", "input_appropriate": "no", "output_correct": "open",
        }  # fmt: skip


def test_without_a_script_forms_do_the_same(browser, run):
    with (
        served("rate", run, "--mode", "hhh", "--items", 2) as (address, _),
        viewed(browser, java_script_enabled=False) as view,
    ):
        view.goto(address)
        view.fill("input[name=rater]", "ann")
        view.click("button")
        for question in ("helpful", "honest", "harmless"):
            view.check(f"input[name={question}][value=left]")
        view.click("#store")
        assert "1 stored" in view.locator("#stored").inner_text()
        view.click("#undo button")
        assert "0 stored" in view.locator("#stored").inner_text()
        view.click("#markdown")
        assert view.locator(".md").count() > 0


def test_a_server_that_is_killed_loses_at_most_the_rating_in_flight_and_the_page_says_so(
    browser, run
):
    with served("rate", run, "--mode", "levels") as (address, process):
        context = browser.new_context()
        view = context.new_page()
        enter(view, address, "ann")
        rate(view, "abc")
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        view.keyboard.press("d")
        view.wait_for_selector("#lost:not([hidden])")
        assert "Not stored" in view.locator("#lost").inner_text()
        assert len(Book.of(run).standing("levels", "ann")) == 3
    port = address.split(":")[2].split("/")[0]
    with served("rate", run, "--port", port) as (again, _):
        assert again == address
        view.keyboard.press("Enter")
        stored(view, 4)
        assert view.locator("#lost:not([hidden])").count() == 0
        rate(view, "a", first=5)
    context.close()
    said = [event.said["level"] for event in Book.of(run).events("levels", "ann")]
    assert said == ["A", "B", "C", "D", "A"]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_pages_of_raters_have_no_serious_fault_and_fit_the_screen(browser, run, width, scheme):
    with (
        served("rate", run, "--mode", "hhh", "--items", 3) as (address, _),
        viewed(browser, viewport={"width": width, "height": 800}, color_scheme=scheme) as view,
    ):
        pages = ["", "/by/ann", "/by/ann?markdown", "/results"]
        for page in (address[: address.rindex("/")], *(address + page for page in pages)):
            view.goto(page)
            assert view.evaluate("document.documentElement.scrollWidth") <= width, page
            assert violations(view) == [], page


def test_a_study_is_begun_on_the_page(browser, run):
    with served("open", run) as (address, _), viewed(browser) as view:
        view.goto(address)
        view.click("a[data-row]")
        view.click("text=Rate answers or data")
        view.select_option("select[name=mode]", "pairwise")
        view.fill("input[name=items]", "4")
        view.click("button")
        assert view.url.endswith("/rate/pairwise")
        assert "tasks, in an order of your own" in view.locator("main").inner_text()
