"""The pages in a real browser, served by the command: no text runs, and no error is told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import served, violations

from didact.store import Run

CHROMIUM = Path("/usr/bin/chromium")

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def server(folder):
    command = [sys.executable, "-c", "from didact.cli import main; main()", "open", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), process.stderr.read()
        yield address
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(params=["script", "no script"])
def view(request, browser):
    """A page that remembers what the console said, with scripts and without."""
    context = browser.new_context(java_script_enabled=request.param == "script")
    view = context.new_page()
    said = []
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
    yield view
    context.close()
    assert said == []


def browse(view, address):
    view.goto(address)
    view.wait_for_selector("ol.list li")


def test_browsing_searching_and_reading_an_example(view, server):
    view.goto(server)
    view.click("text=tidy")
    view.click("text=Browse and search the examples")
    view.wait_for_selector("ol.list li")
    view.fill("input[type=search]", "lanterns")
    view.select_option("select[name=part]", "generated")
    view.click("button")
    assert "q=lanterns" in view.url
    assert "lanterns" in view.locator("ol.list li").first.inner_text().lower()
    view.locator("ol.list a").first.click()
    assert re.search(r"/runs/tidy/examples/[0-9a-f]{32}$", view.url)
    assert view.locator("#verdicts").count() == 1


def test_hostile_texts_are_shown_and_do_nothing(view, server):
    base = f"{server}runs/deep--hostile"
    browse(view, f"{base}/examples")
    links = [a.get_attribute("href") for a in view.locator("ol.list a").all()][:3]
    for address in (server, base, f"{base}/examples", *(server[:-1] + link for link in links)):
        view.goto(address)
        assert view.title() != "owned"
        assert view.locator("main img, main script, main svg[onload]").count() == 0
    assert "<script>document.title=" in view.locator("dl.turns").inner_text()


def test_the_filter_by_a_hostile_reason_finds_its_examples(view, server):
    view.goto(f"{server}runs/deep--hostile")
    browse(view, f"{server}runs/deep--hostile/examples")
    box = view.locator("select[name=why]")
    box.select_option(index=1)
    view.click("button")
    assert view.locator("ol.list li").count() > 0
    assert view.locator(".status.dropped").count() == view.locator("ol.list li").count()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "light")])
def test_every_page_fits_the_screen_and_has_no_serious_fault(browser, server, width, scheme):
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    view = context.new_page()
    browse(view, f"{server}runs/tidy/examples")
    link = view.locator("ol.list a").first.get_attribute("href")
    both = "compare?a=tidy&b=begun"
    addresses = [
        "", "runs/tidy", "runs/deep--hostile", "runs/begun", "runs/tidy/examples", link[1:],
        f"{link[1:]}?markdown", f"{link[1:]}/similar", "runs/tidy/rate", "compare", both,
        f"{both}&show=judged", f"{both}&show=only-a", "compare?a=tidy&b=tidy&show=answers",
        "runs/nothing", "runs/tidy/examples?q=nothingatall",
    ]  # fmt: skip
    for address in addresses:
        view.goto(server + address)
        view.wait_for_function("() => !document.querySelector('meta[http-equiv=refresh]')")
        assert view.evaluate("document.documentElement.scrollWidth") <= width, address
        if width != 320:
            assert violations(view) == [], address
    context.close()


def test_a_run_that_goes_on_renews_itself_and_comes_to_its_end(browser, folder, tmp_path):
    with Run.create(tmp_path / "going") as run:
        run.write_config("name: going\ngenerate: []\n")
        file = tmp_path / "going" / "live.json"
        with served("open", tmp_path) as (address, _):
            view = browser.new_page()
            file.write_text('{"stage": "generate", "done": 30, "total": 90}')
            view.goto(f"{address}runs/going")
            assert "30 of 90" in view.locator("#live").inner_text()
            aside = file.with_name("aside")
            aside.write_text('{"stage": "generate", "done": 60, "total": 90}')
            aside.replace(file)
            view.get_by_text("60 of 90").wait_for(timeout=60_000)
            run.close()
            view.get_by_text("stopped before generate").wait_for(timeout=60_000)
            assert view.locator("#live").count() == 0
            view.close()


def test_j_and_k_go_down_and_up_and_slash_to_the_search(browser, server):
    view = browser.new_page()
    browse(view, f"{server}runs/tidy/examples")
    rows = [a.get_attribute("href") for a in view.locator("ol.list a").all()]
    for key, row in (("j", 0), ("j", 1), ("k", 0)):
        view.keyboard.press(key)
        assert view.evaluate("document.activeElement.getAttribute('href')") == rows[row]
    view.keyboard.press("/")
    assert view.evaluate("document.activeElement.name") == "q"
    view.close()
