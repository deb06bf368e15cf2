"""What other programs decided about real data, decided again: every difference has its reason."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from didact.filters.exact_duplicate import ExactDuplicate
from didact.filters.longest import Longest
from didact.filters.near_duplicate import NearDuplicate
from didact.filters.novelty import Novelty
from didact.records import Example, Origin
from didact.text.instructions import BLACKLIST, fault_of
from didact.text.novelty_index import NoveltyIndex

ORIGIN = Origin(recipe="test")


def read(path):
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.decode("utf-8").splitlines()]


def example(instruction, output="done", input=""):
    return Example.single(instruction, output, input=input, origin=ORIGIN)


# alpaca-libre: raw generations with the status that its program gave them.
#
# The program compares a task with all of one run, later ones too, where ours holds it against those
# kept before; and a file holds several runs: where each ends is in the history of the file. A line
# of the second file that is no JSON still was a neighbour of others.
RUNS = {1: (0, 1165, 2279, 2375), 2: (0, 1184, 2280)}
WORDS = (*BLACKLIST, "video", "audio", "music", "flowchart", "diagram")
STATUS = {
    "asks for a program": "bad start",
    "bad first character": "bad start",
    "too short": "too short",
}


def libre(data, version):
    """The runs of a file: rows of instruction, status, similarity, and what stood between them."""
    folder = data / "alpaca_libre"
    rows = []
    for row in read(folder / f"tasks_v{version}.jsonl.gz"):
        similarity = row["similarity"] if version == 1 else row["other"]["similarity"]
        rows.append((row["instruction"], row["status"], similarity))
    torn = []
    if version == 2:
        for line in (folder / "tasks_v2_malformed_lines.txt").read_text("utf-8").splitlines():
            found = re.search(r'"instruction": ("(?:[^"\\]|\\.)*")', line)
            torn.append(json.loads(found[1]))
    ends = RUNS[version]
    assert len(rows) == ends[-1]
    return [(rows[start:end], torn if start else []) for start, end in pairwise(ends)]


def status_of(instruction, similarity, version):
    """The status by our rules: the first fault, else whether it is too similar."""
    if instruction == "ERROR" and version == 2:
        # The first version had no word for a reply it could not read, and found it too short.
        return "error"
    # Blacklisted words are looked for before the beginning and the length.
    if re.search(rf"\b({'|'.join(WORDS)})\b", instruction, re.IGNORECASE):
        return "blacklist"
    if fault := fault_of(instruction, faithful=True, blacklist=()):
        return STATUS[fault]
    return "too similar" if similarity > 0.7 else "ok"


@pytest.mark.parametrize("version", [1, 2])
def test_every_status_and_similarity_of_alpaca_libre_comes_out(data, version):
    given, ours = Counter(), Counter()
    for rows, torn in libre(data, version):
        index = NoveltyIndex(0.7)
        for text in [*(instruction for instruction, _, _ in rows), *torn]:
            index.add(text)
        for instruction, status, similarity in rows:
            # The nearest is the text itself, where it has words at all.
            second = float(np.sort(index.scores(instruction))[-2])
            assert round(second, 3) == pytest.approx(similarity, abs=1e-9), instruction
            assert status_of(instruction, round(second, 3), version) == status, instruction
            given[status] += 1
            ours[status_of(instruction, similarity, version)] += 1
    assert ours == given
    if version == 1:
        assert (given["ok"], given["too similar"], given["blacklist"]) == (1202, 848, 109)


@pytest.mark.parametrize("version", [1, 2])
def test_our_filter_keeps_all_that_was_ok_and_the_first_of_what_was_too_similar(data, version):
    more = 0
    for rows, _ in libre(data, version):
        # Of one run what passed the other rules; a task is held against those kept before it.
        passed = [row for row in rows if row[1] in {"ok", "too similar"}]
        verdicts = list(Novelty(mode="faithful").sift([example(text) for text, _, _ in passed]))
        for (_, status, _), verdict in zip(passed, verdicts, strict=True):
            # Rounded to three digits before it was compared: 0.7000000000000001 was 0.7 there.
            assert verdict.keep or status == "too similar" or round(verdict.score, 3) == 0.7
            more += verdict.keep and status == "too similar"
    # What is like a later one only, or like one that was itself dropped.
    assert more == {1: 350, 2: 351}[version]


# The GPTeacher ladder: what was left of one set at falling thresholds of a measure that nobody
# wrote down. It is not ROUGE-L: at 0.9 it drops "like in New York City right now" for "in New York
# city today", as embeddings would. The number that ROUGE-L leaves of the tools' queries is near at
# every rung all the same, and which ones far from chance.
RUNGS = {0.9: 5959, 0.8: 4709, 0.7: 3487, 0.6: 2396}


@pytest.mark.parametrize("rung", RUNGS)
def test_the_ladder_of_gpteacher_has_about_as_many_left_at_every_rung(data, rung):
    folder = data / "gpteacher"
    rows = read(folder / "toolformer-dedupe-only-dataset.jsonl.gz")
    left = {json.dumps(r) for r in read(folder / f"toolformer-similarity-{rung}-dataset.jsonl.gz")}
    # Above the query stands the description of the tool, the same in hundreds of rows.
    queries = [example(row["instruction"].rsplit("\n", 1)[-1]) for row in rows]
    novel = list(Novelty(below=rung, mode="faithful").sift(queries))
    # Novelty judges an instruction once, however often it comes.
    first = list(ExactDuplicate(part="instruction", compare="bytes").sift(queries))
    verdicts = [a.keep and b.keep for a, b in zip(novel, first, strict=True)]
    ours = {json.dumps(row) for row, keep in zip(rows, verdicts, strict=True) if keep}
    theirs = left & {json.dumps(row) for row in rows}
    assert (len(rows), len(left)) == (7673, RUNGS[rung])
    assert len(left) - len(theirs) <= 17
    assert abs(sum(verdicts) - len(left)) <= (0.1 if rung > 0.75 else 0.015) * len(left)
    by_chance = len(ours) * len(theirs) / len(rows)
    assert len(ours & theirs) > {0.9: 1.04, 0.8: 1.15, 0.7: 1.4, 0.6: 1.7}[rung] * by_chance


# Published selections of Alpaca, looked for in a public random sample of it: how many times as many
# of them as by chance are among as many rows with the longest answers. The filters that go with
# them need a model that knows English; docs/real-data.md has what the embedded one makes of it.
SELECTIONS = {"cherry_5pct": 5, "helpfulness_t45": 2, "car_selected_1k": 5}


@pytest.mark.parametrize("name", [*SELECTIONS, "claude_t45"])
def test_length_alone_finds_what_ifd_helpfulness_and_ranking_select_and_not_accuracy(data, name):
    folder = data / "alpaca"
    pool = read(folder / "alpaca_random_9k.jsonl.gz")
    chosen = {(r["instruction"], r["input"]) for r in read(folder / f"alpaca_{name}.jsonl.gz")}
    taken = [(row["instruction"], row["input"]) in chosen for row in pool]
    examples = [example(row["instruction"], row["output"], row["input"]) for row in pool]
    verdicts = list(Longest(count=sum(taken)).sift(examples))
    both = sum(v.keep and one for v, one in zip(verdicts, taken, strict=True))
    times_chance = both * len(pool) / sum(taken) ** 2
    if name in SELECTIONS:
        assert times_chance > SELECTIONS[name]
    else:
        assert times_chance < 0.8


def test_duplicates_inside_the_public_sets_are_counted(data):
    folder = data / "self_instruct"
    seeds = [example(row["instruction"]) for row in read(folder / "seed_tasks.jsonl")]
    items = [
        example(row["instruction"], input=row["instances"][0]["input"])
        for row in read(folder / "user_oriented_instructions.jsonl")
    ]
    once = ExactDuplicate(part="instruction")
    assert sum(not v.keep for v in once.sift(seeds)) == 0
    assert sum(not v.keep for v in once.sift(items)) == 1
    assert sum(not v.keep for v in ExactDuplicate(part="prompt").sift(items)) == 0
    repeated = {}
    for path in sorted((folder / "predictions").glob("*.jsonl.gz")):
        answers = [example("x", row["response"].strip()) for row in read(path)]
        verdicts = ExactDuplicate(part="output", compare="bytes").sift(answers)
        repeated[path.name.partition(".")[0]] = sum(not v.keep for v in verdicts)
    # The base model repeats itself, the tuned ones hardly.
    assert repeated["davinci"] >= 4
    assert repeated["davinci"] > repeated["text-davinci-003"]


def test_what_a_repetitive_run_wrote_more_than_once_is_found(data):
    rows = read(data / "self_instruct_runs" / "gpt4mini" / "generated_tasks.jsonl.gz")
    examples = [example(row["instruction"]) for row in rows]
    once = [
        one
        for one, v in zip(examples, ExactDuplicate(part="instruction").sift(examples), strict=True)
        if v.keep
    ]
    assert len(rows) == 20_721
    assert abs(len(once) - 8_462) <= 60
    kept = sum(v.keep for v in NearDuplicate(part="instruction", below=0.7).sift(once))
    novel = sum(v.keep for v in Novelty(below=0.7).sift(once))
    # Sets of words are the milder rule: words may stand in any order, but more must be the same.
    assert novel < kept < len(once)
