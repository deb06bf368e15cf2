"""What is written in a format is read back from it, for any text."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.components import find
from didact.convert import convert, examples_of
from didact.formats.writers import WRITERS, CannotCarry
from didact.records import INPUT_MARK, Example, Message, Origin

ORIGIN = Origin(recipe="made")
TEXT = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda t: not t.isspace())
READERS = {"openai": "jsonl", "trl": "jsonl"}


@st.composite
def conversations(draw):
    """Examples of every shape: one turn, several, a system message, an input, a worse answer."""
    texts = draw(st.lists(TEXT, min_size=2, max_size=6).filter(lambda t: not len(t) % 2))
    if draw(st.booleans()):
        texts[0] += INPUT_MARK + draw(TEXT)
    turns = [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]
    if draw(st.booleans()):
        turns.insert(0, Message("system", draw(TEXT)))
    meta = (
        {"rejected": [draw(TEXT.filter(lambda t: t != texts[-1]))]} if draw(st.booleans()) else {}
    )
    return Example(messages=tuple(turns), meta=meta, origin=ORIGIN)


@pytest.mark.parametrize("form", sorted(WRITERS.keys() - {"self-instruct"}))
@given(example=conversations())
@settings(deadline=None, max_examples=60)
def test_what_a_format_carries_comes_back_as_the_same_messages(tmp_path_factory, form, example):
    with contextlib.suppress(CannotCarry):
        _round_trip(tmp_path_factory.mktemp("trip") / "rows.jsonl", form, example)


def _round_trip(path, form, example):
    written = WRITERS[form](example)
    path.write_text("".join(json.dumps(row) + "\n" for row in written.rows))
    pair = bool(example.rejected) and form in {"openai", "trl"}
    settings = {"html": "never"} if form == "sharegpt" else {}
    ranked = bool(example.rejected) and form == "oasst" and len(example.messages) == 2
    if ranked:
        settings = {"policy": "pairs"}
    source = find("sources", "hh" if pair else READERS.get(form, form))(path=path, **settings)
    # Read as trees, the worse answers of a longer conversation are threads too.
    back = next(iter(source.read()))
    assert back.messages == example.messages
    assert back.id == example.id
    if pair or ranked:
        assert back.rejected == example.rejected


@given(examples=st.lists(conversations(), min_size=1, max_size=4, unique_by=lambda e: e.id))
@settings(deadline=None, max_examples=30)
def test_parquet_and_our_own_lines_keep_everything(tmp_path_factory, examples):
    folder = tmp_path_factory.mktemp("own")
    own = folder / "own.jsonl"
    own.write_text("".join(json.dumps(example.to_json()) + "\n" for example in examples))
    done = convert(own, folder / "own.parquet", to="parquet")
    assert (done.read, done.carried, dict(done.left_behind)) == (len(examples),) * 2 + ({},)
    assert list(examples_of(folder / "own.parquet")[1]) == examples
