"""Instructions that a program can check: by their description, and by recorded verdicts."""

import gzip
import json

import pytest

import didact.text.verifiable
from didact.text.verifiable import CHECKS, follows, loosened

CASES = [
    ("keywords:existence", {"keywords": ["cat", "dog"]}, "Dogs and CATS", "only cats"),
    (
        "keywords:frequency",
        {"keyword": "ha", "frequency": 2, "relation": "at least"},
        "haha",
        "ha",
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "rocket", "a Rock."),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "less than"},
        "one #",
        "# and #",
    ),
    ("length_constraints:number_words", {"num_words": 3, "relation": "less than"}, "a b", "a-b c"),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        "It is. So it is.",
        "It is so.",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a *** *** b"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "well"},
        'One.\n\n"Well, two.',
        "Well, one.\n\nTwo.",
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        "The USA and the WELL-KNOWN",
        "The USA and the Rest",
    ),
    (
        "change_case:english_capital",
        {},
        "THIS IS THE ANSWER TO THE QUESTION",
        "DIES IST DIE ANTWORT AUF DEINE FRAGE UND NICHTS WEITER",
    ),
    (
        "change_case:english_lowercase",
        {},
        "this is the answer to the question",
        "This is the answer to the question",
    ),
    (
        "language:response_language",
        {"language": "de"},
        "Das ist die Antwort auf deine Frage.",
        "This is the answer to your question.",
    ),
    ("combination:repeat_prompt", {"prompt_to_repeat": " Say it. "}, "say it. It.", "It."),
    ("combination:two_responses", {}, "one\n******\ntwo", "one ****** one"),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b]", "[a]"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye.\nP.P.S. x", "P.S. x"),
    ("detectable_format:constrained_response", {}, "So: My answer is no.", "My answer is: no."),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Part", "num_sections": 2},
        "Part 1 a Part 2 b",
        "Part one, Part 2",
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n - b", "* a\n* b\n- c"),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        "*a* and *b c*",
        "*a* and * *",
    ),
    ("detectable_format:title", {}, "<<On it>>\nIt.", "<< >>"),
    ("punctuation:no_comma", {}, "one two", "one, two"),
    ("startend:end_checker", {"end_phrase": "That is all."}, '"So. THAT is all."', "Is that all?"),
    ("startend:quotation", {}, ' "so" ', '"so'),
]


@pytest.mark.parametrize(("kind", "arguments", "good", "bad"), CASES, ids=[c[0] for c in CASES])
def test_an_instruction_is_told_to_be_followed_or_not(kind, arguments, good, bad):
    assert follows(kind, good, arguments)
    assert not follows(kind, bad, arguments)
    assert not follows(kind, " \n", arguments)


def test_every_type_has_a_case():
    assert {case[0] for case in CASES} == set(CHECKS)
    assert len(CHECKS) == 25


def test_a_keyword_that_is_no_pattern_is_taken_as_it_stands():
    assert follows("keywords:existence", "It runs (sic", {"keywords": ["(sic"]})
    assert not follows("keywords:existence", "It runs", {"keywords": ["(sic"]})


def test_the_loose_readings_are_eight():
    assert loosened("Sure:\n*a*\nBye")[:4] == ("Sure:\n*a*\nBye", "*a*\nBye", "Sure:\n*a*", "*a*")
    assert loosened("Sure:\n*a*\nBye")[4:] == ("Sure:\na\nBye", "a\nBye", "Sure:\na", "a")


GUESSED = {1843: "es", 3456: "de", 3617: "en"}
"""What langdetect 1.0.9 says, whatever it draws, of three replies of few words and names; ours says
otherwise there. By key of the prompt."""
NO_LETTER = (1122, "keywords:letter_frequency")
"""The official program counted a letter drawn at random, where the prompt asks for a #."""


@pytest.fixture(scope="module")
def items(data):
    with (data / "ifeval/input_data.jsonl").open(encoding="utf-8") as file:
        return {row["prompt"]: row for row in map(json.loads, file)}


def verdicts(data, items, name, replaced=None):
    """Ours beside the recorded ones: key, type, ours, theirs, prompt by prompt."""
    with gzip.open(data / f"ifeval/eval_results_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            item = items[row["prompt"]]
            texts = loosened(row["response"]) if name == "loose" else (row["response"],)
            if replaced:
                replaced(item["key"])
            yield [
                (item["key"], kind, any(follows(kind, t, a) for t in texts), recorded)
                for kind, a, recorded in zip(
                    item["instruction_id_list"],
                    item["kwargs"],
                    row["follow_instruction_list"],
                    strict=True,
                )
            ]


def accuracies(rows):
    """Of prompts and of instructions, by our verdicts and by the recorded ones."""
    flat = [one for row in rows for one in row]
    return [
        (
            round(sum(all(one[at] for one in row) for row in rows) / len(rows), 4),
            round(sum(one[at] for one in flat) / len(flat), 4),
        )
        for at in (2, 3)
    ]


@pytest.mark.parametrize("name", ["strict", "loose"])
def test_recorded_verdicts_come_out_again_but_for_known_replies(data, items, name):
    """540 replies of GPT-4 with 832 verdicts of the official program."""
    pytest.importorskip("py3langid")
    rows = list(verdicts(data, items, name))
    assert len(rows) == 540
    wrong = {one[:2] for row in rows for one in row if one[2] != one[3]}
    known = {(1843, "change_case:english_lowercase"), (3456, "change_case:english_capital")}
    # A part of the third reply, read alone, passes for English.
    more = (3617, "change_case:english_capital") if name == "strict" else NO_LETTER
    assert wrong == known | {more}


@pytest.mark.parametrize(
    ("name", "prompts", "instructions"), [("strict", 0.7722, 0.8377), ("loose", 0.7963, None)]
)
def test_with_the_official_guesses_of_language_the_published_numbers_come_out(
    data, items, monkeypatch, name, prompts, instructions
):
    pytest.importorskip("py3langid")
    guess = didact.text.verifiable.language_of
    at = []
    monkeypatch.setattr(
        didact.text.verifiable, "language_of", lambda text: GUESSED.get(at[-1]) or guess(text)
    )
    rows = list(verdicts(data, items, name, at.append))
    wrong = {one[:2] for row in rows for one in row if one[2] != one[3]}
    assert wrong == (set() if name == "strict" else {NO_LETTER})
    for row in rows:
        row[:] = [one if one[:2] != NO_LETTER else (*one[:2], one[3], one[3]) for one in row]
    ours, recorded = accuracies(rows)
    assert ours == recorded
    assert ours[0] == prompts
    if instructions:
        assert ours[1] == instructions
