"""The novelty filter: what it holds an instruction against, and where exactly 0.7 falls."""

import gzip
import json

import pytest

from didact.errors import ConfigError
from didact.filters.novelty import Novelty
from didact.records import Example, Origin
from didact.text.rouge import rouge_l


def example(instruction, output="done", input=""):
    return Example.single(instruction, output, input=input, origin=Origin(recipe="test"))


def kept(filter, *instructions):
    return [verdict.keep for verdict in filter.sift([example(text) for text in instructions])]


SEVEN_OF_TEN = ("a b c d e f g h i j", "a b c d e f g x y z")


def test_the_published_pairs_are_decided_as_published():
    sea, sky = "Write a poem about the sea.", "Write a poem about the sky."
    assert kept(Novelty(), sea, sky) == [True, False]
    assert kept(Novelty(below=0.9), sea, sky) == [True, True]


def test_exactly_the_threshold_is_kept_by_the_published_code_and_dropped_by_the_paper():
    assert kept(Novelty(mode="faithful"), *SEVEN_OF_TEN) == [True, True]
    assert kept(Novelty(mode="corrected"), *SEVEN_OF_TEN) == [True, False]


def test_only_the_corrected_mode_sees_other_scripts():
    chinese = ("请写一首关于大海的短诗", "请写一首关于大海的长诗")
    assert kept(Novelty(mode="corrected"), *chinese) == [True, False]
    assert kept(Novelty(mode="faithful"), *chinese) == [True, True]


def test_a_drop_names_its_nearest_neighbour_and_the_similarity():
    examples = [
        example("Name three animals that live in the sea."),
        example("Write a poem about the sea."),
        example("Write a short poem about the sea."),
    ]
    verdict = list(Novelty().sift(examples))[2]
    assert verdict.reason == "too similar"
    assert verdict.score == pytest.approx(12 / 13)
    assert verdict.evidence == {
        "nearest": "Write a poem about the sea.",
        "nearest_id": examples[1].id,
    }


def test_what_was_dropped_is_not_held_against_what_follows():
    far = "a b c d e f g h i j"
    near = "a b c d e f g h x y"
    nearer_to_the_dropped_one = "a b c d h x y p q r"
    assert kept(Novelty(), far, near, nearer_to_the_dropped_one) == [True, False, True]


def test_seeds_are_held_against_the_examples_and_can_be_replaced():
    filter = Novelty()
    filter.prime([example("Write a poem about the sea.")])
    [verdict] = filter.sift([example("Write a poem about the sky.")])
    assert verdict.evidence["nearest"] == "Write a poem about the sea."
    filter.prime([])
    assert kept(filter, "Write a poem about the sky.") == [True]


def test_two_passes_do_not_see_each_other():
    filter = Novelty()
    assert kept(filter, "Write a poem about the sea.") == [True]
    assert kept(filter, "Write a poem about the sea.") == [True]


def test_the_instances_of_one_instruction_stand_or_fall_together():
    sea, sky = "Write a poem about the sea.", "Write a poem about the sky."
    examples = [example(sea, input=f"in {n} lines") for n in range(3)]
    examples += [example(sky, input=f"in {n} lines") for n in range(3)]
    examples += [example("Count the vowels of the word.")] * 300
    examples += [example(sea, input="in 9 lines")]
    verdicts = [verdict.keep for verdict in Novelty().sift(examples)]
    assert verdicts == [True] * 3 + [False] * 3 + [True] * 301


@pytest.mark.parametrize("below", [0.0, -1.0, 1.1])
def test_a_threshold_that_makes_no_sense_is_a_config_error(below):
    with pytest.raises(ConfigError, match="below"):
        Novelty(below=below)


def test_a_report_tells_the_most_similar_ones_and_the_mean_and_decides_nothing():
    texts = ["a b c d", "a b x y", "a b c e", "p q r s", "a b c d f", "a b c d"]
    examples = [example(text) for text in texts]
    plain = list(Novelty().sift(examples))
    told = list(Novelty(report=2).sift(examples))
    assert [v.keep for v in told] == [v.keep for v in plain]
    held = []
    for one, verdict, without in zip(examples, told, plain, strict=True):
        if one in held:  # judged where it first appeared
            assert verdict == told[examples.index(one)]
            continue
        scores = [rouge_l(one.instruction, other.instruction).f for other in held]
        best = sorted(range(len(held)), key=lambda i: (-scores[i], i))[:2]
        assert verdict.evidence["most_similar"] == [
            {"instruction": held[i].instruction, "id": held[i].id, "score": scores[i]} for i in best
        ]
        assert verdict.evidence["mean_similarity"] == pytest.approx(
            sum(scores) / len(scores) if scores else 0.0
        )
        assert without.evidence.items() <= verdict.evidence.items()
        if verdict.keep:
            held.append(one)
    with pytest.raises(ConfigError, match="report"):
        Novelty(report=-1)


@pytest.mark.slow
def test_every_drop_of_real_instructions_has_the_score_it_claims(data):
    texts = {}
    for path in sorted((data / "self_instruct_runs" / "gpt4mini").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
            texts.setdefault(json.loads(line)["instruction"])
    examples = [example(text) for text in texts]
    verdicts = list(Novelty(mode="faithful").sift(examples))
    dropped = [(e, v) for e, v in zip(examples, verdicts, strict=True) if not v.keep]
    assert len(dropped) > 1000
    for judged, verdict in dropped:
        assert verdict.score > 0.7
        assert rouge_l(judged.instruction, verdict.evidence["nearest"]).f == verdict.score
    kept = [e.instruction for e, v in zip(examples, verdicts, strict=True) if v.keep]
    for at in range(0, len(kept), 97):
        assert all(rouge_l(kept[at], before).f <= 0.7 for before in kept[:at])
