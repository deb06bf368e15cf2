"""Exact, near and semantic duplicates: what is compared, with what, and what the evidence is."""

import random
import sys

import pytest

from didact.errors import ConfigError
from didact.filters.exact_duplicate import ExactDuplicate
from didact.filters.near_duplicate import NearDuplicate
from didact.filters.semantic import Semantic
from didact.records import Example, Origin
from didact.text.words import all_words


def example(instruction, output="done", input=""):
    return Example.single(instruction, output, input=input, origin=Origin(recipe="test"))


def kept(filter, *instructions):
    return [verdict.keep for verdict in filter.sift([example(text) for text in instructions])]


def test_case_spaces_and_ways_of_writing_a_letter_do_not_make_a_text_another():
    texts = ("Name a café.", "name  a CAFÉ.\n", "Name a cafe\u0301.", "Name a cafe.", "", "")
    assert kept(ExactDuplicate(part="instruction"), *texts) == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]
    assert kept(ExactDuplicate(part="instruction", compare="bytes"), *texts[:4]) == [True] * 4


@pytest.mark.parametrize(
    ("part", "keep"),
    [("instruction", False), ("input", True), ("prompt", True), ("output", False),
     ("example", True)],
)  # fmt: skip
def test_the_part_decides_what_is_a_duplicate(part, keep):
    rows = [example("Add.", "3", input="1 2"), example("Add.", "3", input="2 1")]
    first, second = ExactDuplicate(part=part).sift(rows)
    assert first.keep
    assert second.keep == keep
    if not keep:
        assert second.reason == "duplicate"
        assert second.evidence == {"first_id": rows[0].id}


def test_how_many_exact_duplicates_there_are_does_not_depend_on_their_order():
    rows = [example(text) for text in "abacbad"]
    for seed in range(20):
        mixed = random.Random(seed).sample(rows, len(rows))
        verdicts = ExactDuplicate().sift(mixed)
        assert {e.id for e, v in zip(mixed, verdicts, strict=True) if v.keep} == {
            e.id for e in rows
        }


SEA = "write one short poem about the cold grey sea"


def test_a_near_duplicate_names_what_it_is_near_to():
    rows = [example("Name three animals."), example(SEA), example(f"{SEA} please")]
    verdict = list(NearDuplicate(part="instruction").sift(rows))[2]
    assert (verdict.keep, verdict.reason, verdict.score) == (False, "near duplicate", 0.9)
    assert verdict.evidence == {"nearest": SEA, "nearest_id": rows[1].id, "below": 0.8}


def test_what_was_dropped_is_held_against_others_only_where_asked():
    words = [f"w{n}" for n in range(14)]
    chain = [" ".join(words[at : at + 10]) for at in (0, 1, 2)]
    same = {"part": "instruction", "below": 0.8}
    assert kept(NearDuplicate(**same), *chain) == [True, False, True]
    assert kept(NearDuplicate(**same, held="all"), *chain) == [True, False, False]


def test_runs_of_words_see_their_order():
    turned = " ".join(reversed(SEA.split()))
    assert kept(NearDuplicate(part="instruction"), SEA, turned) == [True, False]
    assert kept(NearDuplicate(part="instruction", shingle=2), SEA, turned) == [True, True]


@pytest.mark.parametrize("settings", [{"below": 0.0}, {"below": 1.1}, {"shingle": 0}, {"long": 0}])
def test_what_makes_no_sense_is_a_config_error(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        NearDuplicate(**settings)


def mixed_lengths():
    """Short and long texts, near to one another also across the border between the two."""
    rng = random.Random(3)
    words = [f"w{n}" for n in range(4000)]
    texts = []
    for number in range(240):
        text = rng.sample(words, rng.choice([5, 8, 16, 19, 20, 21, 24, 40, 90]))
        if number % 2:
            text = texts[rng.randrange(number)].split()
            for _ in range(max(1, len(text) // 12)):
                text[rng.randrange(len(text))] = rng.choice(words)
            text = text[: rng.randint(max(1, len(text) - 3), len(text))]
        texts.append(" ".join(text))
    return texts


def by_loop(texts, below):
    held, keep = [], []
    for text in texts:
        found = set(all_words(text))
        keep.append(all(len(found & other) / len(found | other) < below for other in held))
        if keep[-1]:
            held.append(found)
    return keep


def test_long_texts_are_found_by_minhash_as_a_loop_over_all_finds_them():
    pytest.importorskip("rensa", reason="needs the extra `text`")
    texts = mixed_lengths()
    expected = by_loop(texts, 0.8)
    assert expected.count(False) > 60
    assert kept(NearDuplicate(part="instruction", long=None), *texts) == expected
    assert kept(NearDuplicate(part="instruction", long=20), *texts) == expected


def test_without_rensa_long_texts_are_an_error_that_says_how_to_go_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "rensa", None)
    long = " ".join(f"w{n}" for n in range(1500))
    with pytest.raises(ConfigError, match=r"didact\[text\]"):
        kept(NearDuplicate(part="instruction"), long)
    assert kept(NearDuplicate(part="instruction", long=None), long, long) == [True, False]


class Directions:
    """A vector for each text that was named."""

    def __init__(self, **vectors):
        self.vectors = vectors

    def __call__(self, texts):
        return [self.vectors[text] for text in texts]


def test_what_means_the_same_names_its_neighbour():
    model = Directions(sea=[1, 0], ocean=[0.95, 0.31], hill=[0, 2])
    rows = [example("sea"), example("ocean"), example("hill")]
    verdicts = list(Semantic(model=model).sift(rows))
    assert [v.keep for v in verdicts] == [True, False, True]
    assert verdicts[1].score == pytest.approx(0.95, abs=0.01)
    assert verdicts[1].evidence["nearest_id"] == rows[0].id
    assert kept(Semantic(model=model, below=0.975), "sea", "ocean") == [True, True]


def test_what_was_dropped_counts_for_meaning_only_where_asked():
    """methods.md 17.7: Magpie's groups; a chain is a, b near a, c near b only."""
    model = Directions(a=[1, 0], b=[0.92, 0.39], c=[0.7, 0.71])
    assert kept(Semantic(model=model), "a", "b", "c") == [True, False, True]
    assert kept(Semantic(model=model, held="all"), "a", "b", "c") == [True, False, False]


def test_empty_texts_mean_nothing():
    model = Directions(**{"": [1, 0], " ": [1, 0]})
    assert kept(Semantic(model=model), "", " ", "") == [True] * 3


def test_a_model_that_is_not_there_is_a_config_error(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"didact\[embed\]"):
        kept(Semantic(model=str(tmp_path)), "a")
    with pytest.raises(ConfigError, match="below"):
        Semantic(model="m", below=0)


@pytest.mark.engine
def test_a_model_of_sentence_transformers_is_loaded_from_its_directory(tmp_path):
    pytest.importorskip("sentence_transformers", reason="needs the extra `embed`")
    from sentence_transformers import SentenceTransformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sea", "hill", "the", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "bert")
    config = BertConfig(
        vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "bert")
    # A plain encoder, whose vectors are averaged, and the directory that the package writes.
    SentenceTransformer(str(tmp_path / "bert")).save(str(tmp_path / "whole"))
    assert (tmp_path / "whole" / "modules.json").is_file()
    for directory in ("bert", "whole"):
        same = Semantic(model=str(tmp_path / directory), below=0.99999)
        assert kept(same, "the sea", "the sea", "a hill") == [True, False, True]
