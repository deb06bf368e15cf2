"""Hostile text in every field, in a real browser: nothing runs, is loaded, or hides."""

from __future__ import annotations

import re
import shutil

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from browsing import launched, needs_browser, served, viewed
from hostile_run import write_hostile_run

pytestmark = needs_browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile_run(folder / "hostile")
    shutil.copytree(folder / "hostile", folder / "again")
    (folder / "hostile" / "report.html").write_text(
        "<title>report</title><script>document.title='owned'</script><p style='color:red'>hello"
    )
    return folder


def inert(view, address):
    view.goto(address)
    # Until an index or a comparison is there.
    view.wait_for_function("() => !document.querySelector('meta[http-equiv=refresh]')")
    assert view.title() != "owned", address
    found = view.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(e =>
            ['IMG', 'IFRAME', 'SCRIPT', 'OBJECT', 'STYLE', 'LINK', 'BASE'].includes(e.tagName)
            || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style')
            || /^\\s*(javascript|data):/i.test(e.getAttribute('href') || '')).length"""
    )
    assert found == 0, address
    text = view.locator("main").inner_text()
    assert "1337" not in text
    assert not re.search("[\u202e\u2066\u2067\x07\x1b]", text), address


def test_nothing_hostile_runs_on_any_page(folder):
    asked = []
    with served("open", folder) as (address, _), launched() as browser, viewed(browser) as view:
        view.on("request", lambda request: asked.append(request.url))
        run = f"{address}runs/hostile"
        for page in (address, run, f"{run}/examples", f"{run}/examples?verdict=dropped"):
            inert(view, page)
        view.goto(f"{run}/examples?part=item")
        links = [a.get_attribute("href") for a in view.locator("ol.list a").all()]
        assert len(links) == 13
        for link in links:
            inert(view, address[:-1] + link + "?markdown")
        for link in links[::6]:
            inert(view, address[:-1] + link)
            inert(view, address[:-1] + link + "/similar")
        both = f"{address}compare?a=hostile&b=again"
        for part in ("", "&show=same", "&show=answers"):
            inert(view, both + part)
        inert(view, f"{run}/rate")
        view.select_option("select[name=mode]", "pairwise")
        view.click("main button")
        view.fill("input[name=rater]", "ann")
        view.keyboard.press("Enter")
        view.wait_for_selector("#rating")
        here = view.url
        for number in range(3):
            inert(view, here)
            inert(view, f"{here}?markdown")
            view.goto(here)
            view.keyboard.press("1")
            view.wait_for_function(
                "n => document.getElementById('stored').textContent.startsWith(n)",
                arg=str(number + 1),
            )
        inert(view, f"{run}/rate/pairwise/results?anyway")
        view.said.clear()
        view.goto(f"{run}/report")
        assert view.title() == "report"
        assert all("sandbox" in line for line in view.said)  # the report's script was refused
        view.said.clear()
    assert {url[: len(address)] for url in asked} == {address}
