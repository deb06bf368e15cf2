"""Filters on what a text says: refusals, private data, word lists and classifiers, repetition."""

import pytest

from didact.errors import ConfigError
from didact.filters.pii import Pii
from didact.filters.refusal import Refusal
from didact.filters.repetition import Repetition
from didact.filters.toxicity import Toxicity
from didact.records import Example, Message, Origin

ORIGIN = Origin(recipe="test")


def example(output, instruction="Say it.", **more):
    return Example.single(instruction, output, origin=ORIGIN, **more)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("As an AI language model, I think so.", "speaks as a model"),
        ("Yours, [Your Name]", "a blank to fill in"),
        ("Sure! Here it is:\nyes", ""),
        ("Ask our Support for it.", ""),
    ],
)
def test_each_evasion_has_its_own_reason(output, reason):
    verdict = Refusal().check(example(output))
    assert (verdict.reason, verdict.keep) == (reason, not reason)
    assert bool(verdict.evidence) == bool(reason)


def test_only_what_the_assistant_says_is_judged_and_own_phrases_count():
    asked = Example(
        messages=(Message("user", "As an AI language model, do you sleep?"),), origin=ORIGIN
    )
    assert Refusal().check(asked).keep
    verdict = Refusal(phrases=("our support",)).check(example("Ask OUR Support for it."))
    assert verdict.reason == "a phrase of yours"
    assert verdict.evidence == {"found": "our support", "start": 4, "message": 1}
    assert not Refusal(kinds=("boilerplate",)).check(example("Sure! Here it is:\nyes")).keep


def test_private_data_is_told_by_its_place_and_never_shown():
    verdict = Pii().check(example("Write to bob@mail.com or call +49 30 1234567."))
    assert (verdict.keep, verdict.reason, verdict.score) == (False, "private: email", 2.0)
    assert verdict.evidence["found"][0] == {
        "kind": "email", "in": "message 1", "start": 9, "end": 21,
    }  # fmt: skip
    assert "bob" not in str(verdict)
    assert Pii(kinds=("ip",)).check(example("Write to bob@mail.com.")).keep


def test_worse_answers_hold_private_data_too():
    meta = {"rejected": ["Call +49 30 1234567."], "references": ["Ask bob@mail.com"], "n": 1}
    pair = example("No.", meta=meta)
    verdict = Pii().check(pair)
    assert [one["in"] for one in verdict.evidence["found"]] == ["references", "rejected"]
    clean = Pii(action="redact").rewrite(pair)
    assert clean.meta["rejected"] == ["Call [phone]."]
    assert clean.meta["references"] == ["Ask [email]"]


def test_a_redacted_example_is_kept_and_names_its_parent_and_unredacted_ones_are_dropped():
    filter = Pii(action="redact")
    row = example("Write to bob@mail.com.")
    assert not filter.check(row).keep
    clean = filter.rewrite(row)
    assert clean.output == "Write to [email]."
    assert clean.meta == {"redacted": {"email": 1}}
    assert clean.origin.parents == (row.id,)
    assert filter.check(clean).keep
    assert filter.rewrite(clean) is clean
    assert Pii().rewrite(row) is row


def test_words_of_a_list_are_whole_words_in_any_case(tmp_path):
    (tmp_path / "words.txt").write_text("# mine\nbad egg\n\nfoul\n", encoding="utf-8")
    filter = Toxicity(words=("rotten",), words_file=tmp_path / "words.txt")
    rows = [example(text) for text in ("A Bad  Egg!", "foulard", "ROTTEN", "fine")]
    verdicts = list(filter.sift(rows))
    assert [v.keep for v in verdicts] == [False, True, False, True]
    assert verdicts[0].reason == "a word of the list"
    assert verdicts[0].evidence == {"found": "Bad  Egg", "start": 10}


def test_the_worst_piece_of_a_text_counts_and_a_threshold_decides():
    seen = []

    def classify(texts):
        seen.extend(texts)
        return [{"toxic": 0.9 if "vile" in text else 0.2, "clean": 0.1} for text in texts]

    rows = [example("x " * 900 + "vile"), example("kind")]
    worst, fine = Toxicity(model=classify, batch=1).sift(rows)
    assert (worst.keep, worst.reason, worst.score) == (False, "toxic", 0.9)
    assert (fine.keep, fine.score, fine.evidence) == (True, 0.2, {"above": 0.5})
    assert max(map(len, seen)) <= 1000
    assert [v.keep for v in Toxicity(model=classify, above=0.95).sift(rows)] == [True, True]


def test_a_classifier_without_the_labels_is_a_config_error(tmp_path):
    filter = Toxicity(model=lambda texts: [{"sad": 1.0} for _ in texts])
    with pytest.raises(ConfigError, match="it has sad"):
        list(filter.sift([example("x")]))
    with pytest.raises(ConfigError, match="a model to judge by"):
        Toxicity()
    (tmp_path / "raw").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        list(Toxicity(words_file=tmp_path / "raw").sift([example("x")]))


@pytest.mark.engine
def test_a_classifier_is_loaded_from_its_directory(tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs the extra `train`")
    pytest.importorskip("torch", reason="needs the extra `train`")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sea", "hill"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "m")
    config = transformers.BertConfig(
        vocab_size=7, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=64, num_labels=2,
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path / "m")
    found = list(Toxicity(model=str(tmp_path / "m"), above=0.0).sift([example("sea \ud800")]))
    assert found[0].reason == "toxic"
    assert 0 < found[0].score < 1
    with pytest.raises(ConfigError, match="cannot be loaded"):
        list(Toxicity(model=str(tmp_path / "nothing")).sift([example("x")]))


LIST = "\n".join(f"{n}. {a} some {b} for the {c}." for n, (a, b, c) in enumerate([
    ("Buy", "bread", "morning"), ("Wash", "cups", "guests"), ("Feed", "hay", "old horse"),
    ("Write", "letters", "bank"), ("Pick", "apples", "cellar"), ("Cut", "wood", "stove"),
    ("Sort", "stamps", "album"), ("Find", "time", "walk"), ("Fold", "shirts", "journey"),
]))  # fmt: skip


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("It is so. " * 5, "a loop"),
        ("no " * 9, ""),
        ("red, red, red, red", ""),
        ("ha" + "a" * 30, "one character"),
        ("-" * 80 + "\n" + "=" * 80, ""),
        (LIST, ""),
        ((LIST + "\n") * 2, "repeated lines"),
        ((LIST.replace("\n", " ") + " ") * 2, "repeated words"),
    ],
)
def test_what_goes_round_in_circles_is_dropped_with_what_it_repeats(output, reason):
    verdict = Repetition().check(example(output))
    assert (verdict.reason, verdict.keep) == (reason, not reason)
    assert (verdict.score is not None) == bool(reason)


def test_the_limits_are_settings():
    assert Repetition(times=6).check(example("It is so. " * 5)).keep
    assert Repetition(loop=16).check(example("It is so. " * 5)).keep
    assert not Repetition(loop=4).check(example("red, red, red, red, red")).keep
    assert Repetition(times=0).check(example("It is so. " * 5)).keep
