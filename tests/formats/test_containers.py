"""Rows of files, whatever they are written in."""

import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.errors import ConfigError
from didact.formats import json_array
from didact.formats.containers import BadRow, rows_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab\\"{}[],'), inner),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text("xyz,]}", max_size=3), VALUES, max_size=4), min_size=1)


@given(
    rows=ROWS, indent=st.sampled_from([None, 0, 2]), ascii=st.booleans(), piece=st.integers(1, 9)
)
@settings(deadline=None, max_examples=60)
def test_an_array_comes_in_pieces_as_it_would_come_whole(
    tmp_path_factory, rows, indent, ascii, piece
):
    path = tmp_path_factory.mktemp("array") / "rows.json"
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii)
    path.write_bytes(text.encode())
    size, json_array._PIECE = json_array._PIECE, piece
    try:
        found = list(rows_of(path))
    finally:
        json_array._PIECE = size
    assert [row for _, row in found] == rows
    if indent is None:
        assert {line for line, _ in found} == {1}


def test_the_line_of_an_object_of_an_array_is_where_it_starts(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('\n[{"a": 1},\n {"a":\n 2}, {"a": 3}\n]\n')
    assert list(rows_of(path)) == [(2, {"a": 1}), (3, {"a": 2}), (4, {"a": 3})]
    path.write_text(" [ ] ")
    with pytest.raises(ConfigError, match=r"rows\.json: the file is empty"):
        list(rows_of(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},\n{"a": }]', "line 2: not a JSON object"),
        ('[{"a": 1},\n{"a":\n 1, b}]', "line 2: not a JSON object .* on line 3"),
        ('[{"a": 1}\n{"a": 2}]', "line 2: a comma or the end of the array"),
        ('[{"a": 1},\n7]', "line 2: a row must be a JSON object, this is 7"),
        ('[{"a": 1}', "line 1: a comma or the end of the array"),
        ('[{"a": "x', "line 1: not a JSON object"),
        ('[{"a": NaN}]', "line 1: not a JSON object"),
        ('[{"a": 1}]\nx', "line 2: there is more after the end"),
    ],
)
def test_what_is_wrong_with_an_array_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"rows\.json, {message}"):
        list(rows_of(path))


def test_bytes_that_are_no_utf8_are_an_error_in_an_array_and_a_bad_row_in_lines(tmp_path):
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"a": "\xff"}]')
    with pytest.raises(ConfigError, match="not UTF-8"):
        list(rows_of(path))
    path.write_bytes(b'{"a": "\xff"}\n{"a": 1}\n')
    (_, bad), good = rows_of(path)
    assert isinstance(bad, BadRow)
    assert good == (2, {"a": 1})


def test_tables_with_and_without_a_header_are_read(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b'q,a\r\n"one\nline",2\r\n\r\nx,y,z\r\nlast,"q ""w"""\r\n'))
    first, bad, last = rows_of(path)
    assert first == (2, {"q": "one\nline", "a": "2"})
    assert bad[0] == 5
    assert "3 columns where there should be 2" in bad[1].message
    assert last == (6, {"q": "last", "a": 'q "w"'})
    path = tmp_path / "t.tsv"
    path.write_text('"a\tb"\n')
    assert list(rows_of(path, columns=("x", "y"))) == [(1, {"x": '"a', "y": 'b"'})]


def test_parquet_rows_are_json(tmp_path):
    path = tmp_path / "t.parquet"
    data = {
        "text": ["a", None],
        "when": pyarrow.array([0, 1], pyarrow.timestamp("s")),
        "number": [float("nan"), 0.5],
        "parts": [[{"role": "user"}], []],
    }
    pyarrow.parquet.write_table(pyarrow.table(data), path)
    first, second = (row for _, row in rows_of(path))
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    assert (first["text"], first["number"], first["parts"]) == ("a", None, [{"role": "user"}])
    assert (second["text"], second["number"]) == (None, 0.5)
    path.write_bytes(b"PAR1 no")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        list(rows_of(path))
