"""The masks of the literature on one row of two answers."""

import pytest

from didact.text.loss_masks import MASKS, applied
from didact.text.masks import IGNORED, Row

# Sixteen tokens of prompt and answers before 116; 90 and 99 close the two answers.
IDS = [*range(101, 106), 50, 51, 90, *range(111, 121), 60, 99]
ROW = Row(IDS, [IGNORED] * 5 + [50, 51, 90] + [IGNORED] * 10 + [60, 99])


def trained(name):
    return [label for label in applied(MASKS[name], ROW).labels if label != IGNORED]


@pytest.mark.parametrize(
    "name",
    ["answers", "self-instruct", "alpaca", "vicuna", "dolly", "humpback", "lima", "false-promise",
     "flan", "t0", "tk-instruct", "orca"],
)  # fmt: skip
def test_most_papers_train_every_answer_and_what_closes_it(name):
    """methods.md 18.5."""
    assert trained(name) == [50, 51, 90, 60, 99]
    assert applied(MASKS[name], ROW) == ROW


def test_the_last_answer_alone_keeps_its_stop_token():
    assert trained("last") == [60, 99]


def test_alpaca_lora_trained_the_instruction_and_no_end_token():
    """methods.md 18.5 and 15.5: train_on_inputs, add_eos_token False."""
    assert trained("alpaca-lora") == [token for token in IDS if token not in (90, 99)]


def test_guanaco_trained_all_after_sixteen_tokens_and_the_last_end_token_only():
    """methods.md 18.5 and 15.5."""
    assert trained("guanaco") == IDS[16:]
    assert trained("guanaco")[-1] == 99
    longer = Row(list(range(20, 40)) + IDS, [IGNORED] * 20 + ROW.labels)
    labels = applied(MASKS["guanaco"], longer).labels
    assert [n for n in labels if n != IGNORED] == [20 + n for n in range(16, 20)] + [
        token for token in IDS if token != 90
    ]


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_trains_tokens_of_the_row_in_their_places(name):
    """methods.md 18.5: what is trained and what is not are together the row."""
    row = applied(MASKS[name], ROW)
    assert row.ids == IDS
    assert all(a in (b, IGNORED) for a, b in zip(row.labels, row.ids, strict=True))
