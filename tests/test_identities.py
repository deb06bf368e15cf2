"""A run whose local model or reused run is gone, or that shares the calls of another."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from didact import pipeline
from didact.calls import CallLog
from didact.errors import ConfigError
from didact.identities import Identities
from didact.runfile import load
from didact.store import Run
from didact.transfer import export_calls, import_calls

MODEL = '''
"""A model in a file, as far as a test needs one."""
from dataclasses import dataclass
from pathlib import Path
from didact.errors import ConfigError
from didact.records import Reply, Usage

__all__ = ["Local"]

@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    path: str
    """The file of weights."""

    capabilities = frozenset({"chat", "completion"})

    @property
    def identity(self):
        return f"local:{self._weights()}"

    def _weights(self):
        file = Path(self.path) / "weights"
        if not file.is_file():
            raise ConfigError(f"model {self.path!r}: does not exist")
        return file.read_text()

    async def ask(self, request):
        weights = self._weights()
        return Reply(text=weights + request.messages[0].content, usage=Usage(prompt=1))

    async def close(self):
        pass
'''
RECIPE = '''
"""Asks one thing of every number."""
from dataclasses import dataclass
from didact.records import Example, Message, Origin, Request

__all__ = ["Counting"]

@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    count: int = 3
    """How many."""
    version = "1"
    paper = "none"
    calls_per_example = "1"

    async def run(self, ctx, seeds):
        async def fn(number):
            return await ctx.ask(Request(messages=(Message("user", f"say {number}"),)))
        async for reply in ctx.map(fn, range(self.count)):
            yield Example.single("say", reply.text, origin=Origin(recipe="counting"))
'''
FILE = """
name: mine
models: {teacher: {use: ./local.py, path: ./weights}}
generate: [{use: ./counting.py, count: 3}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/weights").write_text("w")
    (tmp_path / "local.py").write_text(MODEL)
    (tmp_path / "counting.py").write_text(RECIPE)
    (tmp_path / "mine.yaml").write_text(FILE)
    return tmp_path


def generate(file: Path, run: Path, *overrides: str) -> tuple[int, int]:
    """Calls made and replayed."""
    done = pipeline.generate(load(file, overrides, run=run), run)
    return done.calls.made, done.calls.replayed


def outputs(run: Path) -> list[str]:
    return [example.output for example in Run.open(run).examples()]


def test_a_run_replays_where_the_files_of_its_model_are_gone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = folder / "out/mine"
    assert generate(folder / "mine.yaml", run) == (3, 0)
    made = outputs(run)
    moved = folder / "elsewhere/deep/mine"
    moved.parent.mkdir(parents=True)
    shutil.copytree(run, moved)
    for name in ("local.py", "counting.py"):
        shutil.copy(folder / name, moved.parents[2] / "elsewhere" / name)
    shutil.rmtree(folder / "weights")
    for place, file in ((run, folder / "mine.yaml"), (moved, moved / "run.yaml")):
        shutil.rmtree(place / "generate")
        with caplog.at_level(logging.WARNING, logger="didact"):
            assert generate(file, place) == (0, 3)
        assert "teacher is not here" in caplog.text
        assert outputs(place) == made
        # By its name alone, as `didact run mine.yaml` finds it.
        assert load(file).models.keys() == {"teacher"}
    with pytest.raises(ConfigError, match="does not exist"):
        generate(folder / "mine.yaml", run, "generate.0.count=4")
    assert CallLog.open(run / "calls.db").totals().made == 3


def test_a_model_that_is_described_in_another_way_must_be_there(folder: Path) -> None:
    run = folder / "out/mine"
    generate(folder / "mine.yaml", run)
    with pytest.raises(ConfigError, match=r"no such file: .*wieghts"):
        generate(folder / "mine.yaml", run, "models.teacher.path=./wieghts")
    with pytest.raises(ConfigError, match=r"no such file: .*wieghts"):
        generate(folder / "mine.yaml", folder / "other", "models.teacher.path=./wieghts")


def test_a_run_whose_calls_were_imported_replays_without_the_model(folder: Path) -> None:
    generate(folder / "mine.yaml", folder / "out/mine")
    export_calls(folder / "out/mine", folder / "calls.jsonl")
    shutil.rmtree(folder / "weights")
    import_calls(folder / "calls.jsonl", folder / "there")
    assert generate(folder / "mine.yaml", folder / "there") == (0, 3)
    assert outputs(folder / "there") == outputs(folder / "out/mine")


def test_an_identity_is_computed_once_and_follows_the_weights(folder: Path) -> None:
    run = folder / "out/mine"
    generate(folder / "mine.yaml", run)
    (folder / "weights/weights").write_text("v")
    assert generate(folder / "mine.yaml", run) == (3, 0)
    (folder / "weights/weights").write_text("w")
    assert generate(folder / "mine.yaml", run) == (0, 3)
    assert [text[0] for text in outputs(run)] == ["w"] * 3
    shutil.rmtree(folder / "weights")
    shutil.rmtree(run / "generate")
    assert generate(folder / "mine.yaml", run) == (0, 3)
    assert [text[0] for text in outputs(run)] == ["w"] * 3

    asked: list[int] = []

    class Counted:
        @property
        def identity(self) -> str:
            asked.append(1)
            return "m"

    identities = Identities(CallLog.in_memory())
    assert [identities.of("a", Counted()) for _ in range(3)] == ["m"] * 3
    assert len(asked) == 1


def test_calls_of_a_reused_run_are_not_made_again(folder: Path) -> None:
    generate(folder / "mine.yaml", folder / "out/mine")
    (folder / "more.yaml").write_text(FILE.replace("count: 3", "count: 5") + "reuse: [out/mine]\n")
    assert generate(folder / "more.yaml", folder / "out/more") == (2, 3)
    log = CallLog.open(folder / "out/more/calls.db")
    assert (log.totals().made, log.totals().replayed) == (2, 3)
    log.close()
    assert "out/mine" not in (folder / "out/more/run.yaml").read_text()
    assert "../mine" in (folder / "out/more/run.yaml").read_text()
    # What was needed of it was copied: it may go.
    shutil.rmtree(folder / "out/mine")
    shutil.rmtree(folder / "out/more/generate")
    assert generate(folder / "out/more/run.yaml", folder / "out/more") == (0, 5)
    with pytest.raises(ConfigError, match=r"more\.yaml.*reuse\.0: not a run with a call log"):
        generate(folder / "more.yaml", folder / "out/third")
