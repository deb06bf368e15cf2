"""Filters on a file of data: what is kept, how it is written, and the account of every row."""

import gzip
import json

import pytest
from typer.testing import CliRunner

import samples
from didact.cli import app
from didact.convert import examples_of
from didact.errors import ConfigError
from didact.filters.length import Length
from didact.filters.novelty import Novelty
from didact.formats.detection import source_of
from didact.sieve import filter_of, sieve

ROWS = [
    {"instruction": "Write a poem about the sea.", "input": "", "output": "Blue.", "grade": 3},
    {"instruction": "Write a poem about the sky.", "input": "", "output": "Grey.", "grade": 5},
    {"instruction": "Name two birds that swim.", "input": "", "output": "Auk, gull.", "grade": 4},
    {"instruction": "Say no.", "input": "", "output": "Call +49 30 1234567.", "grade": 1},
]


def lines(path):
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("".join(map(samples.json_line, ROWS)), encoding="utf-8")
    return path


def didact(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_is_kept_comes_out_as_it_went_in_columns_and_all(file, tmp_path):
    done = didact("filter", file, "--with", "novelty:below=0.7", "--with", "length",
                  "-o", tmp_path / "kept.jsonl", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert lines(tmp_path / "kept.jsonl") == [ROWS[0], ROWS[2]]
    account = json.loads(done.stdout)
    assert account["steps"] == [
        {"filter": "novelty", "seen": 4, "kept": 3, "rewritten": 0,
         "dropped": {"too similar": 1}},
        {"filter": "length", "seen": 3, "kept": 2, "rewritten": 0,
         "dropped": {"instruction too short": 1}},
    ]  # fmt: skip
    assert (account["read"], account["kept"], account["written"]) == (4, 2, 2)


def test_every_row_has_a_verdict_of_every_filter_that_saw_it(file, tmp_path):
    sieve(file, ["length", "novelty"], verdicts_to=tmp_path / "verdicts.jsonl")
    rows = lines(tmp_path / "verdicts.jsonl")
    assert [(row["filter"], row["keep"]) for row in rows] == [
        ("length", True), ("length", True), ("length", True), ("length", False),
        ("novelty", True), ("novelty", False), ("novelty", True),
    ]  # fmt: skip
    assert rows[5]["evidence"]["nearest"] == ROWS[0]["instruction"]
    assert rows[5]["score"] == pytest.approx(5 / 6)


def test_people_are_told_how_many_and_one_example_of_each_reason(file):
    done = didact("filter", file, "--with", "novelty")
    assert done.exit_code == 0
    assert "1  too similar" in done.stdout
    assert 'such as "Write a poem about the sky."' in done.stdout
    assert "name a file with -o" in done.stdout


def test_a_later_filter_sees_the_scores_of_earlier_ones_and_redaction_comes_first(file, tmp_path):
    out = tmp_path / "out.jsonl"
    sieve(file, ["top:score=grade,count=3", "top:score=top,count=1"], out=out)
    assert lines(out) == [ROWS[1]]
    done = sieve(file, ["pii:action=redact"], out=out)
    assert lines(out)[3]["output"] == "Call [phone]."
    # What was changed is told, though nothing was dropped.
    assert (done.steps[0].kept, done.steps[0].rewritten) == (4, 1)
    assert "  rewritten              1  before they were judged\n" in done.told(as_json=False)
    sieve(file, ["pii"], out=out)
    assert lines(out) == ROWS[:3]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("alpaca", samples.ALPACA), ("dolly", samples.DOLLY), ("oasst", samples.OASST),
     ("sharegpt", samples.SHAREGPT), ("openorca", samples.OPENORCA), ("hh", samples.HH)],
)  # fmt: skip
def test_every_format_that_is_read_can_be_filtered_and_read_again(tmp_path, name, rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(map(samples.json_line, rows)), encoding="utf-8")
    before = [e.messages for e in examples_of(path)[1]]
    out = tmp_path / "out.jsonl"
    done = sieve(path, ["exact-duplicate"], out=out)
    assert done.written == done.kept == len({m for m in before})
    again = [e.messages for e in examples_of(out)[1]]
    assert again == list(dict.fromkeys(before))
    if name in {"dolly", "oasst", "sharegpt"}:
        assert source_of(out) == source_of(path)


def test_the_name_decides_between_lines_an_array_and_compression(file, tmp_path):
    for name in ("a.json", "a.jsonl", "a.jsonl.gz", "a.json.gz"):
        sieve(file, ["length:instruction_min=1"], out=tmp_path / name)
        assert [e.instruction for e in examples_of(tmp_path / name)[1]] == [
            row["instruction"] for row in ROWS
        ]
    sieve(file, ["length:instruction_min=99"], out=tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == []
    sieve(file, ["length:instruction_min=99"], out=tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == ""
    assert not list(tmp_path.glob("*.new"))


def test_a_name_in_parquet_gets_a_table_that_is_read_again(file, tmp_path):
    out = tmp_path / "kept.parquet"
    done = sieve(file, ["length"], out=out)
    name, found = examples_of(out)
    assert name == "parquet"
    again = list(found)
    assert [e.instruction for e in again] == [row["instruction"] for row in ROWS[:3]]
    assert [e.meta["grade"] for e in again] == [3, 5, 4]
    assert done.written == 3


def test_a_row_that_cannot_be_read_is_an_error_with_its_line_or_counted(file, tmp_path):
    with file.open("a", encoding="utf-8") as lines_after:
        lines_after.write('not json\n{"instruction": "Say it.", "output": ""}\n')
    with pytest.raises(ConfigError, match=r"data\.jsonl, line 5: not a JSON .*--skip"):
        sieve(file, ["length"])
    done = didact("filter", file, "--with", "length", "--skip")
    assert done.exit_code == 0, done.output
    assert "not read               1  not JSON" in done.stdout
    assert "not read               1  'output' is empty" in done.stdout
    account = json.loads(didact("filter", file, "--with", "length", "--skip", "--json").stdout)
    assert account["read"] == 4
    assert sum(account["refusals"]["refused"].values()) == 2


def test_the_source_can_be_named(file):
    with pytest.raises(ConfigError, match="line 1"):
        sieve(file, ["length"], source="dolly")
    done = didact("filter", file, "--with", "length", "--from", "jsonl")
    assert done.exit_code == 0
    assert "as jsonl" in done.stdout


def test_settings_are_read_as_in_a_run_file(tmp_path):
    assert filter_of("novelty") == Novelty()
    assert filter_of("novelty:below=0.5,mode=faithful") == Novelty(below=0.5, mode="faithful")
    assert filter_of("length:output-max=null,instruction_min=1").output_max is None
    assert filter_of("language:keep=[en, de],sure=0.9").keep == ("en", "de")
    own = tmp_path / "mine.py"
    made = didact("new", "filter", "mine", "--folder", tmp_path)
    assert made.exit_code == 0
    assert filter_of(f"{own}:most_words=3").most_words == 3
    assert filter_of("length") == Length()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a filter"),
        (("--with", "noveltie"), "did you mean novelty"),
        (("--with", "novelty:belw=1"), "did you mean below"),
        (("--with", "novelty:below"), "name=value"),
        (("--with", "novelty:below=2"), "novelty: below must be above 0 and at most 1"),
        (("--with", "judged"), "asks a model"),
        (("--with", "contamination"), "against="),
        (("--with", "novelty", "below=0.5"), "no 'below=0.5'"),
    ],
)
def test_what_is_wrong_is_told_in_words(file, arguments, says):
    done = didact("filter", file, *arguments)
    assert isinstance(done.exception, ConfigError)
    assert says in str(done.exception)


def test_the_file_that_is_read_is_never_written(file):
    with pytest.raises(ConfigError, match="name another file"):
        sieve(file, ["novelty"], out=file)
    with pytest.raises(ConfigError, match="name another file"):
        sieve(file, ["novelty"], verdicts_to=file)
    assert lines(file) == ROWS
