"""From one format to another: what goes over, and what is said of what does not."""

import gzip
import json

import pytest
from typer.testing import CliRunner

import samples
from didact.cli import app
from didact.convert import TARGETS, convert, examples_of
from didact.errors import ConfigError, DidactError
from didact.formats.detection import source_of

SHAPES = {
    "jsonl": samples.ALPACA,
    "documents": samples.DOCUMENTS,
    "dolly": samples.DOLLY,
    "flan": samples.FLAN,
    "hh": samples.HH,
    "lima": samples.LIMA,
    "oasst": samples.OASST,
    "openorca": samples.OPENORCA,
    "sharegpt": samples.SHAREGPT,
}


def write(path, rows):
    path.write_text("".join(map(samples.json_line, rows)))
    return path


@pytest.mark.parametrize("name", SHAPES)
def test_the_format_of_a_file_is_told_from_its_first_row(tmp_path, name):
    assert source_of(write(tmp_path / "rows.jsonl", SHAPES[name])) == name


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_record_is_carried_or_counted(tmp_path, name, target):
    path = write(tmp_path / "rows.jsonl", SHAPES[name])
    out = tmp_path / ("out.parquet" if target == "parquet" else "out.jsonl")
    fits = name != "documents" or target in {"parquet", "openai", "trl"}
    if not fits:
        with pytest.raises(DidactError, match="none of 20 examples fits"):
            convert(path, out, to=target)
        assert not out.exists()
        return
    done = convert(path, out, to=target)
    assert done.source == name
    assert done.read == samples.N == done.carried + sum(done.not_carried.values())
    if target != "parquet":
        assert len(out.read_text().splitlines()) == done.rows
    if target == "self-instruct":
        # Layouts are drawn: it is written for a trainer, and not to be read back.
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert all(row["completion"].endswith("<|endoftext|>") and row["prompt"] for row in rows)
        return
    back = {example.id for example in examples_of(out)[1]}
    if (name, target) == ("hh", "oasst"):
        # Read as trees, the worse answers are threads too.
        assert len(back) == 2 * done.carried
    else:
        assert back <= {example.id for example in examples_of(path)[1]}
        assert len(back) == done.carried
    assert convert(out, tmp_path / "again.parquet", to="parquet").carried == len(back)


def test_what_is_not_carried_is_said_with_its_reason(tmp_path):
    path = write(tmp_path / "rows.jsonl", [*samples.LIMA[:4]])
    done = convert(path, tmp_path / "out.json", to="alpaca")
    assert done.not_carried == {"more than one turn": 2}
    assert done.left_behind == {"meta.licence": 2, "meta.generator": 2, "meta.source": 2}
    lines = "\n".join(done.lines())
    assert "2 of 4 examples carried as alpaca" in lines
    assert "not carried         2  more than one turn" in lines
    assert json.loads((tmp_path / "out.json").read_text())[0] == {
        "instruction": "Why 0?", "input": "", "output": "done 0",
    }  # fmt: skip


def test_the_ending_of_the_name_says_how_rows_are_written(tmp_path):
    path = write(tmp_path / "rows.jsonl", samples.ALPACA)
    for name in ("a.json", "a.json.gz", "a.jsonl", "a.jsonl.gz"):
        convert(path, tmp_path / name, to="sharegpt")
        data = (tmp_path / name).read_bytes()
        text = gzip.decompress(data).decode() if name.endswith(".gz") else data.decode()
        rows = (
            json.loads(text) if ".json." in f"{name}." else list(map(json.loads, text.splitlines()))
        )
        assert len(rows) == samples.N
    before = (tmp_path / "a.jsonl.gz").read_bytes()
    convert(path, tmp_path / "a.jsonl.gz", to="sharegpt")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == before
    assert not list(tmp_path.glob("*.new"))


def test_a_run_stands_for_its_kept_examples(tmp_path):
    run = tmp_path / "run"
    (run / "filter").mkdir(parents=True)
    (run / "run.yaml").write_text("name: x\n")
    with pytest.raises(ConfigError, match="this run has no examples yet"):
        convert(run, tmp_path / "out.jsonl", to="alpaca")
    path = write(tmp_path / "rows.jsonl", samples.ALPACA)
    convert(path, run / "filter/kept.parquet", to="parquet")
    assert convert(run, tmp_path / "out.jsonl", to="alpaca").carried == samples.N


def test_the_command_tells_and_its_code_is_zero_unless_nothing_fits(tmp_path):
    path = write(tmp_path / "rows.jsonl", [*samples.ALPACA, {"instruction": "x"}])
    out = str(tmp_path / "out.jsonl")
    command = CliRunner().invoke
    done = command(app, ["convert", str(path), out, "--to", "dolly", "--skip", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["carried"], told["refusals"]["refused"]) == (20, {"no 'output'": 1})
    done = command(app, ["convert", str(path), out, "--to", "dolly"])
    assert isinstance(done.exception, ConfigError)
    assert "line 21: the key 'output' is missing" in str(done.exception)
    done = command(app, ["convert", str(path), out, "--to", "dollly"])
    assert "did you mean dolly?" in str(done.exception)
    done = command(app, ["convert", str(path), str(path), "--to", "dolly"])
    assert "is what is read" in str(done.exception)


def test_a_format_that_cannot_be_told_is_asked_for(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("x\n" * 9)
    with pytest.raises(ConfigError, match="the format cannot be told; name it"):
        convert(path, tmp_path / "out.jsonl", to="alpaca")
    path = write(path, [{"q": "a", "r": "b"}])
    with pytest.raises(ConfigError, match="the key 'instruction' is missing"):
        convert(path, tmp_path / "out.jsonl", to="alpaca")
