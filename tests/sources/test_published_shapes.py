"""What the readers of published sets make of their rows, and say of bad ones."""

import json

import pytest

import samples
from didact.components import find
from didact.errors import ConfigError
from didact.formats.refusals import Refusals


def read(tmp_path, name, *rows, refusals=None, file="rows.jsonl", **settings):
    path = tmp_path / file
    path.write_text(
        "".join(row if isinstance(row, str) else samples.json_line(row) for row in rows)
    )
    return list(find("sources", name)(path=path, **settings).read(refusals))


def test_alpaca_is_an_array_with_extra_keys_in_meta(tmp_path):
    """methods.md sections 2.1 and 2.2 (6): an array of objects; <noinput> in any letter case."""
    row = {"instruction": "Add.", "input": "<NoInput>", "output": "2", "avg_similarity_score": 0.1}
    more = {"instruction": "Add.", "input": "1 1", "output": "2"}
    first, second = read(tmp_path, "alpaca", json.dumps([row, more]), file="alpaca_data.json")
    assert (first.input, second.input) == ("", "1 1")
    assert first.meta == {
        "licence": "CC BY-NC 4.0", "generator": "text-davinci-003", "avg_similarity_score": 0.1,
    }  # fmt: skip


def test_the_files_of_gpt4_llm_are_read(tmp_path):
    """methods.md section 3.1: arrays in Alpaca's shape, and comparisons, the better one first."""
    row = {"instruction": "Greet.", "input": "", "output": "Hello"}
    [one] = read(tmp_path, "alpaca", json.dumps([row]), file="a.json", generator="gpt-4")
    assert (one.instruction, one.output, one.meta["generator"]) == ("Greet.", "Hello", "gpt-4")
    pair = {"user_input": "Greet.", "completion_a": "Hello", "completion_b": "No"}
    [pair] = read(tmp_path, "hh", json.dumps([pair]), file="comparison_data_v2.json")
    assert pair.output == "Hello"
    assert [turns[-1].content for turns in pair.rejected] == ["No"]


def test_dolly_keeps_category_and_strips_citations(tmp_path):
    """methods.md section 14: the keys, "" for no context, citation numbers to strip."""
    row = {**samples.DOLLY[1], "context": "Born[42] in Rome.[note 1] [1]x[2023]"}
    [one] = read(tmp_path, "dolly", row)
    assert one.input == "Born in Rome. x[2023]"
    assert one.meta == {"licence": "CC BY-SA 3.0", "generator": "human", "category": "closed_qa"}
    [kept] = read(tmp_path, "dolly", row, citations="keep")
    assert kept.input == row["context"]
    [none] = read(tmp_path, "dolly", samples.DOLLY[0])
    assert none.input == ""


def test_dolly_is_cleaned_as_its_later_release_was(tmp_path):
    """methods.md section 14: instruction == response removed, context == response cleared."""
    same = {"instruction": "Say it.", "context": "", "response": "Say it.", "category": "open_qa"}
    twice = {"instruction": "Ask.", "context": "C.", "response": "C.", "category": "closed_qa"}
    refusals = Refusals()
    [one] = read(tmp_path, "dolly", same, twice, cleaned=True, refusals=refusals)
    assert (one.input, one.meta["category"]) == ("", "open_qa")
    assert refusals.counts == {"the response repeats the instruction": 1}
    refusals = Refusals()
    assert (
        len(read(tmp_path, "dolly", same, twice, categories=("closed_qa",), refusals=refusals)) == 1
    )
    assert refusals.counts == {"another category": 1}


def test_openorca_has_a_system_message_and_a_collection(tmp_path):
    """methods.md section 15.2: the fields; the id tells the collection."""
    found = read(tmp_path, "openorca", *samples.OPENORCA[:4], file="1M-GPT4-Augmented.jsonl")
    assert [one.meta["collection"] for one in found] == ["flan", "t0", "niv", "cot"]
    assert [one.messages[0].role for one in found] == ["user", "system"] * 2
    assert found[0].meta["generator"] == "gpt-4"
    refusals = Refusals()
    found = read(tmp_path, "openorca", *samples.OPENORCA, collections=("cot",), refusals=refusals)
    assert (len(found), refusals.counts) == (5, {"another collection": 15})


def test_lima_alternates_and_its_test_part_is_refused_or_kept(tmp_path):
    """methods.md section 15.3: rows are texts in turn, with their source."""
    [talk] = read(tmp_path, "lima", samples.LIMA[1])
    assert [m.role for m in talk.messages] == ["user", "assistant"] * 2
    assert talk.meta["source"] == "x"
    with pytest.raises(ConfigError, match="line 1: the last turn has no answer; a test row"):
        read(tmp_path, "lima", {"conversations": ["Why?"], "source": "x"})
    [prompt] = read(tmp_path, "lima", {"conversations": ["Why?"]}, unanswered="keep")
    assert prompt.prompt == prompt.messages


def test_evolved_instructions_come_in_four_shapes(tmp_path):
    talk = {"idx": "a", "conversations": samples.SHAREGPT[0]["conversations"]}
    test = {"idx": 1, "Skill": "Math", "Difficulty": 3, "Instruction": "Add."}
    trace = {
        "raw": {"inst": "Add.", "output": "1"},
        "auto_evol": {"auto_inst": "Add thrice.", "auto_output": "3", "auto_detail": "Step 1"},
    }
    one, two, three, four = read(tmp_path, "evol", samples.EVOL[0], talk, test, trace)
    assert [e.output for e in (one, two, three, four)] == ["done 0", "done 0", "", "3"]
    assert three.meta["Skill"] == "Math"
    assert (four.meta["evolved_from"], four.meta["plan"]) == ("Add.", "Step 1")
    with pytest.raises(ConfigError, match="must alternate from human to gpt"):
        read(tmp_path, "evol", {"conversations": talk["conversations"][:1]})


PAIRS = [
    {"prompt": "Q", "chosen": "A", "rejected": "B"},
    {"conversations": [{"from": "human", "value": "Q"}],
     "chosen": {"from": "gpt", "value": "A"}, "rejected": {"from": "gpt", "value": "B"}},
    {"input": {"messages": [{"role": "user", "content": "Q"}]},
     "preferred_output": [{"role": "assistant", "content": "A"}],
     "non_preferred_output": [{"role": "assistant", "content": "B"}]},
    {"instruction": "Q", "input": "", "output": "A", "chosen": "A", "rejected": "B"},
    {"chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "\n\nHuman: Q\n\nAssistant: B"},
    {"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}],
     "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]},
]  # fmt: skip


@pytest.mark.parametrize("row", PAIRS)
def test_preference_pairs_of_every_shape_are_one_record(tmp_path, row):
    [one] = read(tmp_path, "hh", row)
    assert [(m.role, m.content) for m in one.messages] == [("user", "Q"), ("assistant", "A")]
    assert one.meta["rejected"] == ["B"]
    assert ("licence" in one.meta) == str(row.get("chosen", "")).startswith("\n")


def test_a_pair_that_differs_early_keeps_the_whole_conversation(tmp_path):
    better = "\n\nHuman: Q\n\nAssistant: A\n\nHuman: R\n\nAssistant: C"
    worse = "\n\nHuman: Q\n\nAssistant: B\n\nHuman: R\n\nAssistant: D"
    [one] = read(tmp_path, "hh", {"chosen": better, "rejected": worse})
    assert [m.content for m in one.rejected[0]] == ["Q", "B", "R", "D"]
    for other, told in ((better, "are the same"), ("\n\nHuman: Q", "must be turns|end with")):
        with pytest.raises(ConfigError, match=told):
            read(tmp_path, "hh", {"chosen": better, "rejected": other})


def test_flan_tables_have_three_columns_and_no_header(tmp_path):
    """methods.md section 8.3: question, answer, chain of thought; the two signs decoded."""
    line = 'One\\nor "two"?\t(A)\tFirst.\\nSo.\n'
    [one] = read(tmp_path, "flan", line, file="aqua_train.tsv")
    assert (one.instruction, one.output) == ('One\nor "two"?', "(A)")
    assert (one.meta["rationale"], one.meta["task"]) == ("First.\nSo.", "aqua")
    with pytest.raises(ConfigError, match="line 2: 2 columns where there should be 3"):
        read(tmp_path, "flan", line, "a\tb\n", file="aqua_train.tsv")


def talk(*texts, **more):
    turns = [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(texts)]
    return {"conversations": turns, **more}


def test_sharegpt_rules_are_counted_by_reason(tmp_path):
    rows = [
        talk("Who are you then?", "I am ChatGPT.", id="a"),
        talk("Please do it now.", "I'm sorry, but I cannot do that.", id="b"),
        talk("Was ist das hier für ein Tier?", "Das ist ein sehr großer Hund aus Bayern.", id="c"),
        talk("What is that over there?", "That is a very large dog of my neighbour.", id="d"),
        talk("What is that over there?", "That is a very large dog of my neighbour.", id="e"),
        talk("And what are lists?", "They are:\n1. one\n1. another", id="f"),
        talk("Only a question"),
    ]
    refusals = Refusals()
    settings = {"identity": "vicuna", "refusing": "drop", "keep_languages": ("en",)}
    [one] = read(
        tmp_path, "sharegpt", *rows, distinct=True, tidy=True, refusals=refusals, **settings
    )
    assert one.meta["id"] == "d"
    assert refusals.counts == {
        "blocked words": 1, "an answer refuses": 1, "language de": 1, "seen before": 1,
        "a list starts again": 1, "too short": 1,
    }  # fmt: skip
    assert refusals.read == len(rows)
    with pytest.raises(ValueError, match="exclude each other"):
        find("sources", "sharegpt")(path=tmp_path, keep_languages=("en",), skip_languages=("de",))


def test_sharegpt_cuts_long_conversations_and_keeps_the_last_pair(tmp_path):
    """methods.md section 12.3, through the reader."""
    row = talk(*["one two three four"] * 6, id="c")
    parts = read(tmp_path, "sharegpt", row, most_tokens=40)
    assert [len(part.messages) for part in parts] == [4, 2]
    assert [part.meta.get("from_turn") for part in parts] == [0, 4]
    refusals = Refusals()
    [part] = read(tmp_path, "sharegpt", row, most_tokens=40, mode="faithful", refusals=refusals)
    assert len(part.messages) == 4
    assert refusals.trimmed == {"turns that fit no part": 2}


def test_sharegpt_speakers_and_system_messages_are_kept_in_corrected_mode(tmp_path):
    """methods.md section 12.1: names found in the wild, which fail the published cleaning."""
    row = talk("x", "Hello there, you", "What is it then?")
    names = ("system", "user", "bard")
    turns = [{**turn, "from": name} for turn, name in zip(row["conversations"], names, strict=True)]
    [one] = read(tmp_path, "sharegpt", {"conversations": turns})
    assert [m.role for m in one.messages] == ["system", "user", "assistant"]
    refusals = Refusals()
    assert not read(
        tmp_path, "sharegpt", {"conversations": turns}, mode="faithful", refusals=refusals
    )
    assert sum(refusals.counts.values()) == 1
    turns[1]["from"] = "function"
    with pytest.raises(ConfigError, match=r"entry 2 of .*: 'from' must be one of human"):
        read(tmp_path, "sharegpt", {"conversations": turns})


def test_sharegpt_makes_markdown_of_turns_with_tags_only(tmp_path):
    row = talk("Is a < b > c true?", "<p>It is <b>not</b></p>")
    [one] = read(tmp_path, "sharegpt", row)
    assert [m.content for m in one.messages] == ["Is a < b > c true?", "It is **not**"]


def test_templates_make_an_instruction_of_columns(tmp_path):
    row = {"text": "{label} or not", "n": 2, "label": "good", "other": 1}
    settings = {"instruction": "Judge {n}: {text}", "output": "label"}
    [one] = read(tmp_path, "jsonl", row, **settings)
    assert (one.instruction, one.output) == ("Judge 2: {label} or not", "good")
    assert one.meta == {"other": 1}
    with pytest.raises(ConfigError, match="the key 'missing' is missing"):
        read(tmp_path, "jsonl", row, instruction="{missing}", output="label")


def test_documents_keep_their_titles_and_headings(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.html").write_text("<title>A  page</title><h2>Part</h2><p>Text.</p>")
    (tmp_path / "b.md").write_text("# Its title\n\nText.")
    (tmp_path / "c.txt").write_text("Text.")
    (tmp_path / "d.bin").write_bytes(b"\xff")
    page = find("sources", "documents")
    b, c, a = page(path=tmp_path, licence="CC0").read()
    assert [one.meta["title"] for one in (a, b, c)] == ["A page", "Its title", "c"]
    assert a.output == "## Part\n\nText."
    assert a.meta["document"] == "deep/a.html"
    assert a.meta["licence"] == "CC0"
    assert [m.role for m in a.messages] == ["assistant"]
    [raw] = page(path=tmp_path / "deep", html="raw").read()
    assert raw.output.startswith("<title>")
    (tmp_path / "e.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"e\.txt: cannot be read as text in UTF-8"):
        list(page(path=tmp_path).read())
    refusals = Refusals()
    assert len(list(page(path=tmp_path, on_error="skip").read(refusals))) == 3
    assert refusals.counts == {"unreadable": 1}
