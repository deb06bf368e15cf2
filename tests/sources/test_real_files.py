"""The readers over public files that are not part of this repository: records in are records out
and records refused with reasons. Counts are those of the files as shared, no full data set's."""

import gzip

import pytest

from didact.components import find
from didact.convert import TARGETS, convert
from didact.errors import ConfigError
from didact.formats.refusals import Refusals

EMPTY = "'output' is empty"
ONE_TO_ONE = [
    ("dolly", "dolly/dolly_15k.jsonl.gz", 11233, {}),
    ("alpaca", "alpaca/alpaca_random_9k.jsonl.gz", 6938, {EMPTY: 3}),
    ("alpaca", "alpaca/alpaca_claude_t45.jsonl.gz", 3928, {EMPTY: 3}),
    ("alpaca", "alpaca/alpaca_cherry_5pct.jsonl.gz", 2332, {}),
    ("alpaca", "alpaca/alpaca_car_selected_1k.jsonl.gz", 774, {}),
    ("alpaca", "alpaca/alpaca_expert_revised_pairs.jsonl.gz", 1906, {"no 'instruction'": 1906}),
    ("alpaca", "alpaca_libre/tasks_v1.jsonl.gz", 2375, {EMPTY: 237}),
    ("alpaca", "alpaca_libre/tasks_v2.jsonl.gz", 2280, {EMPTY: 51}),
    ("alpaca", "alpaca_libre/tasks_v2_malformed_lines.txt", 14, {"not JSON": 14}),
    ("alpaca", "code_alpaca/code_alpaca_2k.jsonl.gz", 1482, {EMPTY: 2}),
    ("alpaca", "demos/instruction_data.jsonl.gz", 851, {}),
    ("sharegpt", "sharegpt_style/dummy_conversation.json.gz", 500, {}),
    ("sharegpt", "demos/glaive_toolcall_en_demo.jsonl.gz", 300, {"an unknown speaker": 153}),
    ("evol", "evol/wizardlm_testset.jsonl", 218, {}),
    ("evol", "evol/auto_evol_gsm8k.jsonl.gz", 71, {}),
    ("hh", "demos/dpo_en_demo.jsonl.gz", 300, {}),
    ("hh", "demos/instruction_data_with_preference.jsonl.gz", 851, {"no preference": 4}),
    ("hh", "orca_sample/orca_dpo_pairs.jsonl.gz", 222, {}),
    ("flan", "flan/cot_data/gsm8k_train.tsv.gz", 7473, {}),
    ("flan", "flan/cot_data/strategyqa_train.tsv.gz", 2061, {}),
    ("flan", "flan/cot_data/creak_train.tsv.gz", 6915, {}),
    ("flan", "flan/cot_data/ecqa_train.tsv.gz", 7112, {}),
    ("flan", "flan/cot_data/aqua_train.tsv.gz", 2728, {}),
    ("documents", "plain_text/tldr_pages_sample.jsonl.gz", 1857, {}),
    ("documents", "backtranslation/unlabelled_segments.jsonl.gz", 4000, {}),
]


def read(data, name, file, **settings):
    refusals = Refusals()
    source = find("sources", name)(path=data / file, on_error="skip", **settings)
    return list(source.read(refusals)), refusals


@pytest.mark.parametrize(("name", "file", "records", "refused"), ONE_TO_ONE)
def test_records_in_are_records_out_and_refused(data, name, file, records, refused):
    """methods.md section 8.3 gives the lines of the five FLAN tables."""
    examples, refusals = read(data, name, file)
    assert refusals.read == records
    assert dict(refusals.counts) == refused
    assert len(examples) == records - sum(refused.values())
    assert all(example.meta.get("generator") for example in examples) or name in {"hh", "sharegpt"}


def test_malformed_lines_are_refused_by_number(data):
    file = "alpaca_libre/tasks_v2_malformed_lines.txt"
    _, refusals = read(data, "alpaca", file)
    first = refusals.first["not JSON"]
    assert [f"line {n}: " in message for n, message in enumerate(first, 1)] == [True] * 5
    with pytest.raises(ConfigError, match=r"lines\.txt, line 1: not a JSON .*on_error: skip"):
        list(find("sources", "alpaca")(path=data / file).read())


def test_a_malformed_line_amid_good_ones_is_refused_at_its_place(data, tmp_path):
    good = gzip.decompress((data / "alpaca_libre/tasks_v2.jsonl.gz").read_bytes()).splitlines()
    bad = (data / "alpaca_libre/tasks_v2_malformed_lines.txt").read_bytes().splitlines()
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"\n".join([*good[:30], bad[0], *good[30:]]))
    examples, refusals = read(tmp_path, "alpaca", "tasks.jsonl")
    assert refusals.read == 2281
    assert refusals.counts == {EMPTY: 51, "not JSON": 1}
    assert "line 31: not a JSON object" in refusals.first["not JSON"][0]
    assert len(examples) == 2281 - 52


@pytest.mark.parametrize(
    ("settings", "examples"),
    [
        ({"policy": "all-paths"}, 759),
        ({"policy": "all-paths", "mode": "faithful"}, 754),
        ({"policy": "best-path"}, 157),
        ({"policy": "first-turn"}, 154),
        ({"policy": "pairs"}, 576),
    ],
)
def test_open_assistants_flat_rows_give_their_threads(data, settings, examples):
    found, refusals = read(data, "oasst", "oasst/oasst1_en_validation.jsonl.gz", **settings)
    assert refusals.read == 1644
    # Its parent is not in the file.
    assert refusals.counts == {"no parent before it": 1}
    assert len(found) == examples
    assert len({example.meta["tree"] for example in found}) <= 154


def test_open_assistants_trees_and_messages_hold_the_same(data):
    trees, of_trees = read(data, "oasst", "oasst/en_100_tree.jsonl.gz")
    messages, of_messages = read(data, "oasst", "oasst/en_100_message.jsonl.gz")
    assert of_trees.read == of_messages.read == 100
    assert of_trees.counts == of_messages.counts == {"synthetic": 5}
    assert [e.id for e in trees] == [e.id for e in messages]
    assert len(trees) == 538


def test_vicunas_pipeline_drops_what_it_drops(data):
    found, refusals = read(
        data, "sharegpt", "sharegpt_style/dummy_conversation.json.gz", mode="faithful"
    )
    assert refusals.counts == {"seen before": 146, "blocked words": 60}
    assert len(found) == 500 - 206


@pytest.mark.parametrize("target", TARGETS)
def test_dolly_goes_into_every_format_whole(data, tmp_path, target):
    done = convert(data / "dolly/dolly_15k.jsonl.gz", tmp_path / "out", to=target)
    assert (done.source, done.read, done.carried) == ("dolly", 11233, 11233)
    assert not done.not_carried
