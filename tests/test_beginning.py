"""What a newcomer does first: a version, a run file to begin with, a missing package, two runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from didact import cli
from didact.environment import environment, environment_line, extra_of
from didact.runfile import load
from report.made_run import write_run


@pytest.fixture
def didact(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["didact", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


def test_the_version_comes_with_what_it_runs_on(didact) -> None:
    code, out, _ = didact("--version")
    assert code == 0
    assert out.startswith("didact ")
    assert "Python " in out


def test_a_run_file_to_begin_with_reads_as_it_stands_and_is_not_written_over(
    didact, tmp_path: Path
) -> None:
    code, out, err = didact("init", "first")
    assert code == 0
    assert out.split() == ["first.yaml", "first-seeds.jsonl"]
    assert "didact check first.yaml" in err
    config = load(tmp_path / "first.yaml")
    assert config.generate
    assert config.train
    assert config.evaluate
    written = (tmp_path / "first.yaml").read_bytes()
    code, _, err = didact("init", "first.yaml")
    assert code == 2
    assert "exists already" in err
    assert (tmp_path / "first.yaml").read_bytes() == written


def test_a_run_file_with_nothing_to_do_says_so(didact, tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("models: {teacher: {use: embedded}}\n")
    for verb in ("check", "run"):
        code, _, err = didact(verb, "none.yaml")
        assert code == 2
        assert "none.yaml: nothing to do" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("module", "extra"), [("textblob", "text"), ("torch.nn", "train")])
def test_a_package_that_is_missing_is_told_with_what_brings_it(
    didact, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    def fail() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(cli, "app", fail)
    code, _, err = didact("diversity")
    assert code == 1
    assert f"needs {module}, which is not installed: pip install 'didact[{extra}]'" in err
    assert "Traceback" not in err
    assert extra_of("json") is None


def test_a_folder_of_runs_is_told_from_a_run(didact, tmp_path: Path) -> None:
    write_run(tmp_path / "out/one", name="one")
    code, _, err = didact("show", "out")
    assert code == 2
    assert "a folder of runs: out/one" in err


def test_runs_are_compared_on_the_items_they_share_with_p_values(didact, tmp_path: Path) -> None:
    write_run(tmp_path / "a", name="a", seed=1)
    write_run(tmp_path / "b", name="b", seed=2)
    code, out, _ = didact("compare", "a", "b")
    assert code == 0
    assert "over a/trained: " in out
    assert ", p " in out
    assert " of 140 items, scored for all" in out
    code, out, _ = didact("compare", "a", "b", "--json", "--roles", "trained,base")
    assert code == 0
    metrics = json.loads(out)["metrics"]
    assert metrics
    for metric in metrics:
        assert [m["model"] for m in metric["models"]] == [
            "a/trained", "a/base", "b/trained", "b/base",
        ]  # fmt: skip
        assert metric["against"] == "a/trained"
        first, *others = metric["models"]
        assert first["difference"] is None
        assert len({m["items"] for m in metric["models"]}) == 1
        for line in others:
            mean, low, high = line["difference"]
            assert low <= mean <= high
            assert mean == pytest.approx(line["score"][0] - first["score"][0])
            assert line["p"] <= line["p_adjusted"] <= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a",), "two run directories or more"),
        (("a", "a"), "two run directories or more"),
        (("a", "b", "--roles", "traned"), "no scores of 'traned' (there are: base, "),
    ],
)
def test_what_cannot_be_compared_is_told(
    didact, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    write_run(tmp_path / "a", name="a")
    write_run(tmp_path / "b", name="b")
    code, _, err = didact("compare", *arguments)
    assert code == 2
    assert says in err


def test_the_environment_names_versions_and_fits_in_a_line() -> None:
    found = environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "numpy" in found["packages"]
    assert json.loads(json.dumps(found)) == found
    assert "\n" not in environment_line(found)


def test_the_items_behind_a_score_are_listed_and_their_mean_is_the_score(
    didact, tmp_path: Path
) -> None:
    write_run(tmp_path / "a", name="a")
    shown = json.loads(didact("show", "a", "--json")[1])["scores"]
    line = next(one for one in shown if one["model"] == "trained")
    code, out, _ = didact("show", "a", "--items", line["metric"], "--json")
    assert code == 0
    rows = json.loads(out)["items"]
    found = [row["trained"] for row in rows.values() if row["trained"] is not None]
    assert len(found) == line["n"]
    assert sum(found) / len(found) == pytest.approx(line["mean"])
    code, out, _ = didact("show", "a", "--items", line["metric"], "-n", "3")
    assert code == 0
    assert len([row for row in out.splitlines() if row.split() and row.split()[0] in
                {id[:12] for id in rows}]) == 3  # fmt: skip
    code, _, err = didact("show", "a", "--items", "exakt")
    assert code == 2
    assert "no metric 'exakt' (there are: " in err
