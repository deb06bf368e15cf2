"""Runs to look at, and a client of their pages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
sys.path.append(str(Path(__file__).parent.parent / "report"))

from made_run import write_run

POISON = (
    "\"'><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    "</textarea></select></title><svg onload=alert(1)>{{ 7 * 191 }}{% raw %}\u202edlrow\u2066"
    "\x00\x1b[31m\ufeff javascript:alert(1) &lt;b&gt;"
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Two runs: one tidy, one with hostile text wherever text can be."""
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "tidy", name="tidy", size=80, items=20)
    write_run(folder / "deep" / "hostile", name="hostile", size=60, items=20, poison=POISON)
    write_run(folder / "begun", name="begun", size=40, stages=("generate",), audit=False)
    return folder
