"""The published instance parsers to the letter, and what the corrected reading changes."""

import gzip
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from didact.text.instances import Dropped, Instance, parse_instances, write_instances

GENERATION = [
    (
        "Example 1\nList: [3,1]\nOutput: [1,3]\nExample 2\nInput 2 - List: [9]\nOutput: [9]",
        "stop",
        [("List: [3,1]", "[1,3]"), ("Input 2 - List: [9]", "[9]")],
        [("List: [3,1]", "[1,3]"), ("List: [9]", "[9]")],
    ),
    ("Output: just text", "stop", [("", "just text")], None),
    ("no marker at all", "stop", [], None),
    ("Example 1\nInput: a\nOutput: b\nExample 2\nInput: a\nOutput: c", "stop", [], None),
    ("Example 1\nInput: a\nOutput: a\nExample 2\nInput: q\nOutput: r", "stop", [("q", "r")], None),
    (
        "Example 1\nInput: a\nOutput: b\nExample 2\nInput: q\nOutput: trunc",
        "length",
        [("a", "b")],
        None,
    ),
    (
        "Example 1\nInput: a\nOutput: b Input: z Output: y",
        "stop",
        [("a", "b")],
        [("a", "b"), ("z", "y")],
    ),
    (
        "Output: For Example, cats are cute.",
        "stop",
        [("", "For"), ("", ", cats are cute.")],
        [("", "For Example, cats are cute.")],
    ),
    ("Example 1\nOutput:\nExample 2\nSteps:\nOutput: do this:", "stop", [], None),
    (
        "Example 1\nInput: same\nOutput: r\nExample 2\nInput: same\nOutput: r",
        "stop",
        [("same", "r")],
        None,
    ),
    ("Example 1\nOutput: x\nExample 2\nOutput: y", "stop", [("", "x"), ("", "y")], None),
    ("Input: hello\nOutput 1: hi\nOutput 2: hey", "stop", [("hello", "hi")], None),
]
CLASSIFICATION = [
    (
        "Class label: Positive\nSentence: I love it\nClass label: Negative\nSentence: I hate it",
        "stop",
        [("Sentence: I love it", "Positive"), ("Sentence: I hate it", "Negative")],
        None,
    ),
    ("Class label: Montreal", "stop", [("", "Montreal")], None),
    ("Output: Positive", "stop", [], None),
    ("Class label: A\nQ: x\nClass label: B\nQ: x", "stop", [], None),
    ("Class label: A\nQ: x\nClass label: B\nQ: y", "length", [("Q: x", "A")], None),
    ("Class label:\nSentence: foo", "stop", [("", "Sentence: foo")], []),
    (
        "preamble text\nClass label: Yes\nText: line1\nline2",
        "stop",
        [("Text: line1\nline2", "Yes")],
        None,
    ),
]
CASES = [(False, *case) for case in GENERATION] + [(True, *case) for case in CLASSIFICATION]


def pairs(reply, **options):
    return [tuple(instance) for instance in parse_instances(reply, **options).instances]


@pytest.mark.parametrize(("classification", "reply", "finish", "expected", "_"), CASES)
def test_the_faithful_reading_gives_what_the_published_code_gave(
    classification, reply, finish, expected, _
):
    """methods.md 1.10, both tables of parsers (ran)."""
    options = {"classification": classification, "finish": finish, "faithful": True}
    assert pairs(reply, **options) == expected


@pytest.mark.parametrize(("classification", "reply", "finish", "same", "differs"), CASES)
def test_the_corrected_reading_differs_where_the_docstring_says(
    classification, reply, finish, same, differs
):
    expected = same if differs is None else differs
    assert pairs(reply, classification=classification, finish=finish) == expected


def test_contradicting_instances_go_and_the_others_stay():
    reply = "\n".join(
        f"Example {k}\nInput: {source}\nOutput: {output}"
        for k, (source, output) in enumerate([("a", "b"), ("q", "r"), ("a", "c")], 1)
    )
    assert pairs(reply, classification=False, faithful=True) == []
    parsed = parse_instances(reply, classification=False)
    assert parsed.instances == (("q", "r"),)
    assert {drop.reason for drop in parsed.dropped} == {"same input, different outputs"}


def test_a_preamble_is_no_instance():
    reply = "Sure, here you are.\nExample 1\nInput: cat\nOutput: cats"
    assert pairs(reply, classification=False, faithful=True)[0] == ("", "Sure, here you are.")
    assert pairs(reply, classification=False) == [("cat", "cats")]


def test_pairs_without_example_marks_are_all_read():
    reply = "Input: cat\nOutput: cats\n\nInput: dog\nOutput: dogs"
    assert pairs(reply, classification=False) == [("cat", "cats"), ("dog", "dogs")]


def test_marks_in_bold_or_as_headings_are_marks():
    reply = (
        "### Example 1\n**Input:** cat\n**Output:** cats\n\n**Example 2:**\nInput: ox\nOutput: oxen"
    )
    assert pairs(reply, classification=False) == [("cat", "cats"), ("ox", "oxen")]


@pytest.mark.parametrize(
    "reply",
    [
        "Example: ox\nOutput: oxen",
        "Example Input: ox\nExample Output: oxen",
        "Example: Input: ox Output: oxen",
        "Example 1: Input: ox\nOutput: oxen",
    ],
)
def test_the_marks_that_models_make_of_ours_are_no_part_of_the_data(reply):
    assert pairs(reply, classification=False) == [("ox", "oxen")]


@pytest.mark.parametrize("nothing", ["N/A", "None", "<noinput>", "none."])
def test_an_input_that_says_nothing_is_empty(nothing):
    assert pairs(f"Input: {nothing}\nOutput: hello", classification=False) == [("", "hello")]


def test_a_refusal_holds_no_instance():
    for faithful in (True, False):
        parsed = parse_instances(
            "Output: no", classification=False, finish="refused", faithful=faithful
        )
        assert parsed.instances == ()
        assert parsed.dropped == (Dropped("", "no", "refused"),)


@pytest.mark.parametrize("faithful", [True, False])
def test_every_drop_has_its_reason(faithful):
    reply = (
        "Example 1\nInput: a\nOutput: a\nExample 2\nInput: q\nOutput:\n"
        "Example 3\nInput: s\nOutput: these:\nExample 4\nInput: x\nOutput: y\nOutput: z\n"
        "Example 5\nInput: x\nOutput: y"
    )
    parsed = parse_instances(reply, classification=False, faithful=faithful)
    assert parsed.instances == (("x", "y"),)
    assert sorted(drop.reason for drop in parsed.dropped) == [
        "after the output",
        "duplicate",
        "empty output",
        "ends with a colon",
        "output repeats the input",
    ]


instances = st.lists(
    st.builds(
        Instance, st.sampled_from(["", "a b", "line\nline", "é"]), st.text("xyz", min_size=1)
    ),
    max_size=5,
    unique_by=lambda instance: instance.output,
)


@settings(deadline=None)
@given(instances, st.booleans(), st.booleans())
def test_what_is_written_is_read_back(instances, classification, faithful):
    expected = [i for i in instances if [j.input for j in instances if j.input].count(i.input) < 2]
    assume(len(expected) == len(instances))
    text = write_instances(instances, classification=classification)
    read = parse_instances(text, classification=classification, faithful=faithful)
    assert list(read.instances) == instances


options = st.fixed_dictionaries(
    {
        "classification": st.booleans(),
        "finish": st.sampled_from(["stop", "length", "refused"]),
        "faithful": st.booleans(),
    }
)


@settings(deadline=None)
@given(st.text(), options)
def test_no_reply_breaks_the_reader(reply, options):
    for source, output in parse_instances(reply, **options).instances:
        assert output
        assert source != output


marks = ("\nExample 1\n", "\nExample 2.\n", "Example", "\nOutput:", "\nOutput 2:", "Output:")
marks += ("\nInput:", "\nInput 3 - ", "Input:", "**Input:**", "\n")
marks += ("\nClass label:", "Class label:")
words = st.integers(0, 10**6).map(lambda n: f"w{n}")
pieces = st.lists(st.sampled_from(marks) | words, max_size=40)


@settings(deadline=None)
@given(pieces, options)
def test_no_word_of_a_reply_is_lost_without_a_reason(pieces, options):
    parsed = parse_instances(" ".join(pieces), **options)
    shown = [text for drop in parsed.dropped for text in drop]
    shown += [text for instance in parsed.instances for text in instance]
    everything = " ".join(shown)
    for piece in pieces:
        if piece.startswith("w"):
            assert piece in everything


def rows(path):
    return [json.loads(line) for line in gzip.open(path)]


def test_a_recorded_run_is_read_as_its_own_code_read_it(data):
    start = str(data / "self_instruct_runs" / "qwen" / "model_generations3__")
    kinds = {
        r["instruction"]: r["is_classification"] for r in rows(f"{start}is_clf_or_not.jsonl.gz")
    }
    recorded = {
        (row["instruction"], row["input"], row["output"])
        for row in rows(f"{start}finetuning_data__all_generated_instances.jsonl.gz")
    }
    read, unmarked = set(), set()
    for row in rows(f"{start}machine_generated_instances.jsonl.gz"):
        instruction, raw = row["instruction"], row["raw_instances"]
        classification = kinds[instruction] == "yes"
        parsed = parse_instances(raw, classification=classification, faithful=True)
        read |= {(instruction, *instance) for instance in parsed.instances}
        if [drop.reason for drop in parsed.dropped] == ["no output marker"]:
            unmarked.add((instruction, "", raw.strip()))
    # That run changed one rule: a reply without any mark counts as an output, unless it ends in
    # a colon. Everything else is the published code, and both together are all it recorded.
    assert (len(read), len(recorded)) == (770, 1617)
    assert read <= recorded
    assert recorded - read == {row for row in unmarked if not row[2].endswith(":")}
