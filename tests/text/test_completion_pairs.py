"""The layouts that Self-Instruct fine-tuned GPT-3 on."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from didact.text.completion_pairs import END, completion_pair


def drawn(instruction, text, output="o", times=400):
    found = Counter()
    for number in range(times):
        found[completion_pair(instruction, text, output, rng=Random(number))] += 1
    return found


def test_the_plain_layout_keeps_its_blank_lines_without_an_input():
    """methods.md 1.10: with an empty input, the instruction and four newlines."""
    assert completion_pair("Do it.", "x", "y") == ("Do it.\n\nx\n\n", f"y{END}")
    assert completion_pair("Do it.", "", "y").prompt == "Do it.\n\n\n\n"


def test_there_are_seven_layouts_with_an_input_and_six_without():
    """methods.md 1.6: the shapes, a space before the output after the mark, the end mark."""
    assert {pair.prompt for pair in drawn("I", "x")} == {
        "I\nInput: x\nOutput:", "I\n\nInput: x\n\nOutput:", "Task: I\nInput: x\nOutput:",
        "I\n\nx\n\nOutput:", "I\n\nx\n\n", "I\nx\n\n", "Task: I\n\nx\n\n",
    }  # fmt: skip
    without = drawn("I", "")
    assert {pair.prompt for pair in without} == {
        "I Output:", "I\nOutput:", "I\n\nOutput:", "I\n", "I\n\n", "Task: I\n\n",
    }  # fmt: skip
    assert min(without.values()) > 400 / 6 * 0.6
    for prompt, completion in without:
        assert completion == (f" o{END}" if prompt.endswith("Output:") else f"o{END}")


def test_half_of_the_inputs_lose_their_only_field_name_and_blank_lines():
    """methods.md 1.6."""
    found = drawn("I", "List: a\n\nb")
    bare = sum(n for pair, n in found.items() if "List:" not in pair.prompt)
    assert 0.4 < bare / 400 < 0.6
    assert all(("a\nb" in p.prompt) == ("List:" not in p.prompt) for p in found)
    two = drawn("I", "A: a\nB: b")
    assert all("A: a\nB: b" in pair.prompt for pair in two)


@given(st.text(), st.text(), st.text(), st.integers())
def test_texts_are_put_in_as_they_are(instruction, text, output, seed):
    plain = completion_pair(instruction, text, output)
    assert plain.prompt == f"{instruction}\n\n{text}\n\n"
    pair = completion_pair(instruction, text, output, rng=Random(seed))
    assert instruction in pair.prompt
    assert pair.completion.strip(" ").endswith(END)
    assert output in pair.completion
