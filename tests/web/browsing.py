"""A server of the pages as the command starts it, and a browser to look at them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[2] / ".axe" / "axe.min.js"

needs_browser = [
    pytest.mark.engine,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium"),
]


@contextmanager
def served(*arguments):
    """The address that the command prints, and its process; ended by Ctrl-C if it still runs."""
    command = [sys.executable, "-c", "from didact.cli import main; main()", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        try:
            address = process.stdout.readline().strip()
            assert re.match(r"http://127\.0\.0\.1:\d+/", address), process.stderr.read()
            yield address, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                code = process.wait(60)
                said = process.stderr.read()
                assert code == 0, said
                assert "Traceback" not in said, said


@contextmanager
def launched():
    """A Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def viewed(browser, **settings):
    """A page that says what its console said and fails if it said anything."""
    context = browser.new_context(**settings)
    context.set_default_timeout(60_000)
    view = context.new_page()
    said = []
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
    view.said = said
    try:
        yield view
    finally:
        context.close()
    assert said == []


def violations(view):
    """What axe-core finds that is serious or worse."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here: scripts/axe fetches it from the npm registry")
    view.evaluate(AXE.read_text(encoding="utf-8"))
    found = view.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        (one["id"], [node["target"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
