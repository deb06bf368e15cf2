"""The script of the page on Python does the whole loop, also where a loop is running already."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def script() -> str:
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for whole, small in (
        # Right tasks in place of those that the model would write.
        ('SelfInstruct(target=40), seeds="builtin"', "World(count=12)"),
        ("epochs=3", "epochs=1"),
        (
            "Microworld(per_family=2)",
            "[Example.single('Say one.', 'one', origin=Origin(recipe='me'))]",
        ),
    ):
        assert whole in code
        code = code.replace(whole, small)
    more = ("didact import Example, Origin", "didact.sources.microworld import Microworld as World")
    return "\n".join([*(f"from {one}" for one in more), code])


@pytest.mark.train
def test_the_script_of_the_page_runs_in_a_notebook_and_replays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl")
    monkeypatch.chdir(tmp_path)

    async def cell() -> None:
        exec(compile(script(), "cell", "exec"), {})

    asyncio.run(cell())
    first = capsys.readouterr().out
    for stage in ("generate", "filter", "train", "evaluate"):
        assert f"{stage} " in first
    weights = (tmp_path / "out/mine/train/stage.json").read_bytes()
    asyncio.run(cell())
    assert capsys.readouterr().out == first
    assert (tmp_path / "out/mine/train/stage.json").read_bytes() == weights
