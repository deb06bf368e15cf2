"""What the FLAN papers fix in tables: clusters of data sets, what is held out, weights, caps.

FLAN (Wei et al. 2021, arXiv 2109.01652): to test on a cluster of tasks, train on all others, and
leave out also those that are too near to it. The Flan Collection (Longpre et al. 2023, arXiv
2301.13688): the weights of its five parts and the most that one data set of each counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

__all__ = ["CAPS_2022", "CLUSTERS", "WEIGHTS_2022", "also_left_out", "trained_on"]

WEIGHTS_2022: Mapping[str, float] = {
    "flan2021": 0.40,
    "t0": 0.32,
    "niv2": 0.20,
    "cot": 0.05,
    "dialog": 0.03,
}
"""How much of the 2022 collection each part is."""

CAPS_2022: Mapping[str, int] = {
    "flan2021": 30_000,
    "t0": 20_000,
    "cot": 100_000,
    "niv2": 5_000,
    "dialog": 200_000,
}
"""The most examples that one data set of a part counts; turned-around sets share their parent's."""


def also_left_out(held_out: str) -> frozenset[str]:
    """The clusters that are not trained on when this one is tested."""
    return frozenset({held_out, *_NEAR.get(held_out, ())})


def trained_on(held_out: str, clusters: Collection[str]) -> list[str]:
    """Those of the clusters that are trained on."""
    left_out = also_left_out(held_out)
    return [cluster for cluster in clusters if cluster not in left_out]


_NEAR: Mapping[str, tuple[str, ...]] = {
    "reading_comprehension": ("read_comp_and_common_sense",),
    "common_sense": ("read_comp_and_common_sense",),
    "read_comp_and_common_sense": ("reading_comprehension", "common_sense"),
    "paraphrase": ("entailment",),
    "entailment": ("paraphrase",),
}

CLUSTERS: Mapping[str, tuple[str, ...]] = {
    name: tuple(sets.split())
    for name, sets in {
        "summarization": (
            "aeslc cnn_dailymail gigaword multi_news newsroom samsum xsum ag_news_subset"
            " opinion_abstracts_rotten_tomatoes opinion_abstracts_idebate wiki_lingua_english_en"
        ),
        "structure_to_text": "web_nlg_en common_gen e2e_nlg dart",
        "reading_comprehension": "squad_v1 squad_v2 drop multirc openbookqa bool_q",
        "open_domain_qa": "trivia_qa natural_questions arc_challenge arc_easy",
        "paraphrase": "glue_mrpc glue_qqp paws_wiki stsb",
        "sentiment": "imdb_reviews sentiment140 yelp_polarity_reviews sst2",
        "text_formatting": "true_case fix_punct word_segment",
        "common_sense": "copa hellaswag story_cloze piqa",
        "translation": (
            "para_crawl_enes wmt14_enfr wmt16_translate_deen wmt16_translate_tren"
            " wmt16_translate_csen wmt16_translate_fien wmt16_translate_roen wmt16_translate_ruen"
        ),
        "coreference": "definite_pronoun_resolution winogrande wsc",
        "entailment": (
            "anli_r1 anli_r2 anli_r3 cb rte mnli_matched mnli_mismatched qnli wnli snli"
        ),
        "math": "math_dataset",
        "conversational_qa": "quac coqa",
        "word_disambiguation": "wic",
        "linguistic_acceptability": "cola",
        "question_classification": "trec",
        "read_comp_and_common_sense": "record cosmos_qa",
    }.items()
}
"""The 17 clusters of the public code; the paper groups the single ones and counts 12."""
