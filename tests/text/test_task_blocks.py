"""Blocks of tasks, written and read: the published cases in both readings, and what is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.recipes.alpaca import Alpaca
from didact.text.task_blocks import parse_blocks, write_blocks

BLACKLIST = Alpaca().blacklist
BASE = (
    " Name three primary colors used in painting.\n4. Input:\n<noinput>\n4. Output:\n"
    "Red, yellow, blue.\n###\n5. Instruction: Fix the grammar of this sentence\n5. Input:\n"
    "He go home.\n5. Output:\nHe goes home.\n"
)
COLOURS = ("Name three primary colors used in painting.", "", "Red, yellow, blue.")
GRAMMAR = ("Fix the grammar of this sentence", "He go home.", "He goes home.")
SHIFTED = (
    " Compose some music for the piano now.\n4. Input:\n<noinput>\n4. Output:\nla la\n###\n"
    "5. Instruction: Give NASA facts to the reader\n5. Input:\n<NOINPUT>\n5. Output:\nok ### more\n"
    "###\n6. Instruction: Name the largest of the planets.\n6. Input:\n<noinput>\n6. Output:\nJove"
)
NASA = "Give NASA facts to the reader"
INSIDE = " Explain the 4. Output: field in the form.\n4. Input:\nx\n4. Output:\ny"


def kept(reply, **options):
    blocks = parse_blocks(reply, first=4, blacklist=BLACKLIST, **options)
    return [block[:3] for block in blocks if block.keep]


# methods.md 2.3, every row: what the published code gives, and what the corrected reading gives.
@pytest.mark.parametrize(
    ("reply", "finish", "faithful", "corrected"),
    [
        (BASE, "stop", [COLOURS, GRAMMAR], [COLOURS, GRAMMAR]),
        (BASE, "length", [COLOURS], [COLOURS]),
        (BASE.replace("5. Input", "6. Input"), "stop", [COLOURS], [COLOURS, GRAMMAR]),
        (
            SHIFTED,
            "stop",
            [(NASA, "", "ok")],
            [(NASA, "", "ok ### more"), ("Name the largest of the planets.", "", "Jove")],
        ),
        (INSIDE, "stop", [], [("Explain the 4. Output: field in the form.", "x", "y")]),
    ],
    ids=["two tasks", "cut", "wrong number", "rule in an output", "mark in an instruction"],
)
def test_the_published_cases(reply, finish, faithful, corrected):
    assert kept(reply, finish=finish, faithful=True) == faithful
    assert kept(reply, finish=finish) == corrected


# methods.md 2.2, steps 6 and 7: what is not lowered, not looked at, and where the bounds are.
@pytest.mark.parametrize("faithful", [True, False])
@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("Tell NASA from ESA please.", ""),
        ("Only three words", "too short"),
        ("word " * 150, ""),
        ("word " * 151, "too long"),
        ("Describe the video of a cat.", "blacklisted word"),
        ("Describe some Audio from the past.", "blacklisted word"),
        ("Turn the text into a flowchart.", "blacklisted word"),
        ("Make a diagram of the house.", "blacklisted word"),
        ("Write a program that sorts.", "asks for a program"),
        ("- give me three good reasons.", "bad first character"),
    ],
)
def test_the_filters_of_the_instruction(instruction, reason, faithful):
    reply = f" {instruction}\n4. Input:\nan image\n4. Output:\na map to draw"
    [block] = parse_blocks(reply, first=4, faithful=faithful, blacklist=BLACKLIST)
    assert block.instruction == instruction.strip()
    assert block.reason == reason


def test_letters_of_other_scripts_begin_an_instruction_only_in_the_corrected_reading():
    reply = " Éxplique la photosynthèse en trois phrases.\n4. Input:\n\n4. Output:\nok"
    assert parse_blocks(reply, first=4, faithful=True)[0].reason == "bad first character"
    assert parse_blocks(reply, first=4)[0].keep


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            " Greet a new guest kindly.\n4. Output:\nHello",
            [("Greet a new guest kindly.", "", "Hello")],
        ),
        (
            " Greet a new guest kindly.\n**4. Input:** N/A\n**4. Output:** Hello\n### ",
            [("Greet a new guest kindly.", "", "Hello")],
        ),
        (
            "Of course!\n\n###\n\n4. Instruction: Greet a new guest kindly.\n4. Input:\nAda\n"
            "4. Output:\nHello, Ada",
            [("Greet a new guest kindly.", "Ada", "Hello, Ada")],
        ),
        (
            "There:\n1. Instruction: Greet a new guest kindly.\n1. Input:\nAda\n1. Output:\n"
            "Hello\n2. Instruction: Name a bird that swims.\n2. Output:\npenguin",
            [
                ("Greet a new guest kindly.", "Ada", "Hello"),
                ("Name a bird that swims.", "", "penguin"),
            ],
        ),
        (
            " Show how tasks look here.\n4. Input:\n<noinput>\n4. Output:\nIt is\n"
            "1. Instruction: a\n1. Output: b",
            [("Show how tasks look here.", "", "It is\n1. Instruction: a\n1. Output: b")],
        ),
    ],
    ids=["no input mark", "bold", "mark repeated", "from one", "marks in an output"],
)
def test_the_corrected_reading_of_what_models_really_write(reply, expected):
    assert kept(reply) == expected


@pytest.mark.parametrize("faithful", [True, False])
@pytest.mark.parametrize(
    ("reply", "finish", "reasons"),
    [
        ("", "stop", []),
        (BASE, "refused", ["refused", "refused"]),
        (BASE, "length", ["", "cut off"]),
        (BASE + "###\n", "length", ["", ""]),
    ],
)
def test_nothing_of_a_reply_that_is_not_whole_counts_as_whole(reply, finish, reasons, faithful):
    # Without the "4. Instruction:" that the prompt ends with, the published reading sees a piece.
    blocks = parse_blocks(reply, first=4, finish=finish, faithful=faithful)
    found = [block.reason for block in blocks]
    assert found == (reasons or (["not three fields"] if faithful else []))


def test_what_has_no_output_is_dropped_with_its_reason():
    [first, second] = parse_blocks(
        " Name a bird that swims.\n4. Input:\n\n4. Output:\n###\n5. Instruction: Name one", first=4
    )
    assert (first.reason, second.reason) == ("empty output", "no output mark")


def test_seeds_are_written_as_published():
    text = write_blocks([("Add  the\n numbers:", " 1 and 2", "3 "), ("Greet.", "", "Hi")])
    assert text == (
        "###\n1. Instruction: Add the numbers\n1. Input:\n1 and 2\n1. Output:\n3\n"
        "###\n2. Instruction: Greet.\n2. Input:\n<noinput>\n2. Output:\nHi\n###\n3. Instruction:"
    )


WORDS = st.lists(st.sampled_from(["sea", "Ada's", "7", "blue.", "ok"]), min_size=4, max_size=9)
LINES = st.lists(WORDS.map(" ".join), min_size=1, max_size=3).map("\n".join)


@given(st.lists(st.tuples(WORDS.map(lambda w: "Tell " + " ".join(w)), LINES, LINES), min_size=1))
def test_what_is_written_is_read_back(tasks):
    text = write_blocks(tasks).removeprefix("###\n1. Instruction:")
    blocks = parse_blocks(text, first=1)
    assert [block[:3] for block in blocks if block.keep] == tasks
    published = parse_blocks(text, first=1, faithful=True)
    assert [block[:3] for block in published if block.keep] == tasks


@given(st.text(alphabet="45. #\nInputOutputInstruction:*ab"))
def test_any_text_is_read_without_loss_of_sense(text):
    for faithful in (True, False):
        for block in parse_blocks(text, first=4, faithful=faithful):
            assert block.reason or block.instruction
