from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from didact import tables
from didact.disk import storing
from didact.errors import StoreError
from didact.records import Example, Message, Origin, Score, Verdict
from didact.store import Run


def make(run: Run, stage: str = "generate", outputs: tuple[str, ...] = ("a",)) -> None:
    with run.writing(stage) as folder:
        rows = [Example.single("say", text, origin=Origin(recipe="r")) for text in outputs]
        folder.write(tables.EXAMPLES, rows)
        run.finish(folder, {"rows": len(rows)})


ODD = Example(
    messages=(
        Message("system", ""),
        Message("user", "é\n\x00 \U0001f600"),
        Message("assistant", "b"),
    ),
    meta={"references": ["x"], "deep": {"list": [1, None, 2.5, True]}},
    origin=Origin(recipe="r", version="2", parents=("p", "q"), calls=("c",)),
)


def test_every_kind_of_row_comes_back_as_it_was(tmp_path: Path) -> None:
    verdict = Verdict(keep=False, reason="late", score=None, evidence={"near": [0.5, "é"]})
    score = Score(example_id="i", model="base", metric="m", value=None, reason="abstains")
    answer = tables.AnswerRow("i", "base", "text", "key")
    for table, row in (
        (tables.EXAMPLES, ODD),
        (tables.VERDICTS, ("i", "f", verdict)),
        (tables.SCORES, score),
        (tables.ANSWERS, answer),
    ):
        file = tmp_path / f"{table.name}.parquet"
        assert table.write(file, [row]) == 1  # type: ignore[arg-type, attr-defined]
        assert table.read(file) == [row]
        assert table.write(file, []) == 0
        assert table.read(file) == []


def test_the_same_rows_are_the_same_bytes_over_many_row_groups(tmp_path: Path) -> None:
    rows = [Example.single("say", str(n), origin=Origin(recipe="r")) for n in range(10_000)]
    for name in ("one", "two"):
        assert tables.EXAMPLES.write(tmp_path / name, iter(rows)) == 10_000
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert tables.EXAMPLES.read(tmp_path / "one") == rows


def test_examples_go_to_json_lines_and_back(tmp_path: Path) -> None:
    assert tables.write_jsonl(tmp_path / "e.jsonl", [ODD, ODD]) == 2
    assert tables.read_jsonl(tmp_path / "e.jsonl") == [ODD, ODD]
    with (tmp_path / "e.jsonl").open("a") as file:
        file.write('{"id": 1}\n')
    with pytest.raises(StoreError, match=r"e\.jsonl:3"):
        tables.read_jsonl(tmp_path / "e.jsonl")


def test_a_table_of_another_kind_or_a_torn_one_is_refused(tmp_path: Path) -> None:
    tables.EXAMPLES.write(tmp_path / "x.parquet", [ODD])
    with pytest.raises(StoreError, match="holds examples/1"):
        tables.SEEDS.read(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes((tmp_path / "x.parquet").read_bytes()[:-9])
    with pytest.raises(StoreError, match="cannot be read as Parquet"):
        tables.EXAMPLES.read(tmp_path / "x.parquet")


def test_a_stage_takes_the_place_of_the_old_one_only_when_it_is_complete(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        make(run, outputs=("old",))
        with pytest.raises(AttributeError), run.writing("generate") as folder:
            folder.write(tables.EXAMPLES, [ODD, None])  # type: ignore[list-item]
        assert [e.output for e in run.examples()] == ["old"]
        make(run, outputs=("new", "er"))
        assert [e.output for e in run.examples()] == ["new", "er"]
        assert run.stage("generate") == {"rows": 2}
        assert not list(run.path.glob("*.new"))
        assert not list(run.path.glob("*.old"))


def test_a_kept_folder_outlives_a_failure_but_not_another_purpose(tmp_path: Path) -> None:
    def attempt(run: Run, keep: str) -> list[str]:
        with run.writing("train", keep=keep) as folder:
            found = sorted(p.name for p in folder.path.iterdir() if not p.name.startswith("."))
            (folder.path / f"{len(found)}").write_text("")
            if len(found) < 2:
                raise ZeroDivisionError(found)
        return found

    with Run.create(tmp_path / "run") as run:
        for keep, found in (("a", []), ("a", ["0"]), ("b", []), ("b", ["0"])):
            with pytest.raises(ZeroDivisionError) as caught:
                attempt(run, keep)
            assert caught.value.args == (found,)
        assert attempt(run, "b") == ["0", "1"]
        assert sorted(p.name for p in (run.path / "train").iterdir()) == ["0", "1", "2"]


@pytest.mark.parametrize("cut", ["before the new one is in", "before the old one is gone"])
def test_a_swap_cut_in_two_is_ended_when_the_run_is_opened_again(tmp_path: Path, cut: str) -> None:
    path = tmp_path / "run"
    with Run.create(path) as run:
        make(run, outputs=("old",))
        os.rename(path / "generate", path / "kept-aside")
        make(run, outputs=("new",))
    os.rename(path / "kept-aside", path / "generate.old")
    if cut == "before the new one is in":
        os.rename(path / "generate", path / "generate.new")
    with Run.create(path) as run:
        assert [e.output for e in run.examples()] == ["new"]
        assert not (path / "generate.old").exists()


def test_an_old_stage_comes_back_when_the_new_one_was_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with Run.create(path) as run:
        make(run, outputs=("old",))
    os.rename(path / "generate", path / "generate.old")
    with Run.create(path) as run:
        assert [e.output for e in run.examples()] == ["old"]


def test_another_process_that_works_on_the_run_is_told(tmp_path: Path) -> None:
    script = "import sys; from didact.store import Run; Run.create(sys.argv[1])"
    command = [sys.executable, "-c", script, str(tmp_path / "run")]
    with Run.create(tmp_path / "run"):
        told = subprocess.run(command, capture_output=True, text=True)
        assert "StoreError" in told.stderr
        assert "another process is working on this run" in told.stderr
    assert subprocess.run(command).returncode == 0


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match=r"not a run directory.*thesis\.tex"):
        Run.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(StoreError, match="not a run directory"):
        Run.open(tmp_path)


def test_a_stage_that_is_not_there_or_damaged_says_so(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        assert run.stage("filter") is None
        assert run.trained() is None
        with pytest.raises(StoreError, match="stage filter is not there yet"):
            run.kept()
        make(run)
        (run.path / "generate/stage.json").write_text("{")
        with pytest.raises(StoreError, match=r"stage\.json"):
            run.stage("generate")


def test_a_full_disk_is_told_as_such_and_the_old_stage_stays(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        make(run, outputs=("old",))
        with run.writing("filter") as folder:
            # /dev/full refuses every write, as a full disk does.
            (folder.path / "kept.parquet").symlink_to("/dev/full")
            with pytest.raises(StoreError, match="disk is full"):
                folder.write(tables.KEPT, [ODD] * 5000)
            (folder.path / "x.json").symlink_to("/dev/full")
            with pytest.raises(StoreError, match="disk is full"):
                folder.write_json("x.json", {})
        assert [e.output for e in run.examples()] == ["old"]


def test_an_error_of_the_rows_is_not_taken_for_an_error_of_the_disk(tmp_path: Path) -> None:
    def rows():
        yield ODD
        raise ConnectionResetError("the server hung up")

    with pytest.raises(ConnectionResetError):
        tables.EXAMPLES.write(tmp_path / "x.parquet", rows())


def test_other_file_errors_say_where(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"), storing(tmp_path):
        raise PermissionError("no")


def test_what_happened_is_in_the_log_file(tmp_path: Path) -> None:
    import logging

    with Run.create(tmp_path / "run"):
        logging.getLogger("didact").info("something happened")
    logging.getLogger("didact").info("too late")
    text = (tmp_path / "run/log.txt").read_text()
    assert "INFO something happened" in text
    assert "too late" not in text


def test_the_stage_file_is_json_that_anyone_can_read(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        make(run)
    assert json.loads((tmp_path / "run/generate/stage.json").read_text()) == {"rows": 1}
