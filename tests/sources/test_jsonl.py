"""What the general reader makes of good rows, and says of bad ones."""

import gzip
import json

import pytest

from didact.errors import ConfigError
from didact.records import Example, Message, Origin
from didact.sources.jsonl import Jsonl


def written(tmp_path, *rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_of_texts_become_one_turn_examples_and_keep_their_other_keys(tmp_path):
    path = written(
        tmp_path,
        {"instruction": "Add.", "input": "1 1", "output": "2", "source": {"page": 3}},
        {"instruction": "Greet.", "input": None, "output": "Hello"},
        {"instruction": "Part.", "output": ["Bye", "Farewell"]},
    )
    first, second, third = Jsonl(path=path).read()
    assert (first.instruction, first.input, first.output) == ("Add.", "1 1", "2")
    assert first.meta == {"source": {"page": 3}}
    assert (second.input, second.output) == ("", "Hello")
    assert third.references == ("Bye", "Farewell")


def test_keys_are_renamed_by_the_fields(tmp_path):
    path = written(tmp_path, {"question": "Why?", "context": "So.", "answer": "Because."})
    [example] = Jsonl(path=path, instruction="question", input="context", output="answer").read()
    assert (example.instruction, example.input, example.output) == ("Why?", "So.", "Because.")


def test_our_own_examples_come_back_as_they_were(tmp_path):
    origin = Origin(recipe="r", version="2", parents=("p",), calls=("c", "d"))
    turns = (Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", ""))
    examples = [
        Example.single("Add.", "2", input="1 1", origin=origin, meta={"n": [1, None]}),
        Example(messages=turns, origin=origin),
    ]
    path = written(tmp_path, *(example.to_json() for example in examples))
    assert list(Jsonl(path=path).read()) == examples


def test_conversations_and_tasks_are_read_too(tmp_path):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    task = {
        "id": "t",
        "instruction": "Add.",
        "instances": [{"input": "1", "output": "1"}, {"input": "2", "output": "2"}],
    }
    chat, one, two = Jsonl(path=written(tmp_path, {"messages": turns, "k": 1}, task)).read()
    assert chat.output == "Hello"
    assert chat.meta == {"k": 1}
    assert [one.input, two.input] == ["1", "2"]
    assert one.meta == {"id": "t"}


def test_a_gzipped_file_is_read_and_a_damaged_one_refused(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    whole = gzip.compress(b'{"instruction": "Add.", "output": "2"}\n' * 50)
    path.write_bytes(whole)
    assert len(list(Jsonl(path=path).read())) == 50
    path.write_bytes(whole[:-12])
    with pytest.raises(ConfigError, match=r"rows\.jsonl\.gz: the file is damaged"):
        list(Jsonl(path=path).read())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "a", "response": "b"}, "set `instruction: prompt` in the run file"),
        ({"instruction": "a", "response": "b"}, "set `output: response` in the run file"),
        ({"instruction": "a", "outptu": "b"}, "set `output: outptu`"),
        ({"instruction": "a"}, "the keys are 'instruction'. Every row needs its output"),
        ({"instruction": "a", "output": 5}, "'output' must be a text that is not empty, it is 5"),
        ({"instruction": " ", "output": "b"}, "'instruction' must be a text"),
        ({"instruction": "a", "output": "b", "input": ["c"]}, "'input' must be a text"),
        ({"instruction": "a", "output": "\ud800"}, "half of a surrogate pair"),
        ({"messages": []}, "'messages' must be a list that is not empty"),
        ({"messages": ["hi"]}, "entry 1 of 'messages' must be an object"),
        ({"messages": [{"from": "human", "value": "hi"}]}, "Did you mean 'from'?"),
        ({"messages": [{"role": "bot", "content": "hi"}]}, "must be system, user or assistant"),
        ({"messages": [{"role": "user", "content": "hi"}], "origin": {}}, "not an example as"),
        (["a", "b"], "It looks like a JSON array|must be a JSON object"),
    ],
)
def test_the_first_bad_row_is_named_with_what_to_do(tmp_path, row, message):
    path = written(tmp_path, {"instruction": "Add.", "output": "2"}, row)
    reader = Jsonl(path=path).read()
    next(reader)
    with pytest.raises(ConfigError, match=r"rows\.jsonl, line 2") as caught:
        next(reader)
    assert any(part in str(caught.value) for part in message.split("|"))


@pytest.mark.parametrize(
    "line", [b'{"instruction": "a', b"\xff\xfe", b'{"instruction": NaN}', b"[" * 9999]
)
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\n{"instruction": "Add.", "output": "2"}\n' + line)
    with pytest.raises(ConfigError, match=r"rows\.jsonl, line 3: not "):
        list(Jsonl(path=path).read())


def test_a_setting_that_fits_no_row_is_an_error(tmp_path):
    path = written(tmp_path, {"instruction": "Add.", "input": "1", "output": "2"})
    with pytest.raises(ConfigError, match="the key 'context' is missing"):
        list(Jsonl(path=path, input="context").read())


def test_the_252_public_tasks_load(data):
    path = data / "self_instruct" / "user_oriented_instructions.jsonl"
    examples = list(Jsonl(path=path).read())
    assert len(examples) == 252
    assert sum(not example.input for example in examples) == 44
    assert len({example.meta["id"] for example in examples}) == 252
