"""The judgements that others recorded and published, as our audit takes them."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from didact.stats.audit import Judgement
from didact.stats.bradley_terry import Game
from didact.text.judge_marks import (
    read_choice,
    read_last_number,
    read_named_output,
    read_pair,
    read_rating,
)

__all__ = [
    "compared",
    "faireval",
    "llmbar",
    "lmsys_pairs",
    "pandalm",
    "qlora",
    "readings",
    "rows",
    "tulu",
    "vicuna_reviews",
]

_SIDES = {"first": 1.0, "second": 0.0, "tie": 0.5}


def rows(path: Path) -> list[dict[str, Any]]:
    """Of a file of JSON lines, or of one JSON list."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        text = file.read()
    return json.loads(text) if text.startswith("[") else list(map(json.loads, text.splitlines()))


def compared(ours: object, recorded: object) -> str:
    """How a reading compares with the recorded one."""
    if ours == recorded:
        return "same"
    return "unread" if ours is None else "new" if recorded is None else "differs"


def vicuna_reviews(data: Path) -> dict[str, list[dict[str, Any]]]:
    """The reviews of the 80 questions, by the two models."""
    found = sorted((data / "vicuna_eval/review").glob("*.jsonl.gz"))
    return {path.name.split("review_")[1].removesuffix(".jsonl.gz"): rows(path) for path in found}


def readings(data: Path) -> dict[str, Counter[str]]:
    """Every recorded review, read by us and compared with what its authors read."""
    told: dict[str, Counter[str]] = {}

    def tell(name: str, ours: object, recorded: object) -> None:
        told.setdefault(name, Counter())[compared(ours, recorded)] += 1

    def scores(row: dict[str, Any]) -> tuple[float, ...] | None:
        return None if -1 in row["score"] else tuple(map(float, row["score"]))

    for review in vicuna_reviews(data).values():
        for row in review:
            tell("vicuna", read_pair(row["text"]), scores(row))
    for row in rows(data / "qlora_eval/gpt4_scores_vicuna.jsonl.gz"):
        tell("qlora scores", read_pair(row["text"]), scores(row))
    for name in ("vicuna", "oa"):
        for row in rows(data / f"qlora_eval/gpt4_pairwise_{name}.jsonl.gz"):
            recorded = {1: "first", 2: "second", 3: "tie", -1: None}[row["score"]]
            tell(f"qlora {name}", read_last_number(row["text"]), recorded)
    for _, row, order in _lmsys(data):
        names = ("model_1", "model_2") if order == "g1" else ("model_2", "model_1")
        recorded = dict(
            zip((*names, "tie", "error"), ("first", "second", "tie", None), strict=True)
        )
        tell(
            "mt-bench pairs",
            read_choice(row[f"{order}_judgment"]),
            recorded[row[f"{order}_winner"]],
        )
    for path in sorted((data / "mt_bench").glob("*single.jsonl.gz")):
        for row in rows(path):
            tell("mt-bench grades", read_rating(row["judgment"]), row["score"])
    for path in sorted((data / "llmbar").glob("results*.json.gz")):
        for row in rows(path):
            for result in row["results"]:
                for order, reply in result.items():
                    if reply["completion"]:
                        names = ("1", "2") if order == "swap = False" else ("2", "1")
                        recorded = {names[0]: "first", names[1]: "second", None: None}
                        tell("llmbar", read_named_output(reply["completion"][0]),
                             recorded[reply["winner"]])  # fmt: skip
    for row in rows(data / "autoj/single_traindata.jsonl.gz"):
        tell("auto-j ratings", read_rating(row["target_output"]), row["pred_score"])
    for row in rows(data / "autoj/testdata_critique.jsonl.gz"):
        critique = row["critiques"]["autoj"]
        tell("auto-j critiques", read_rating(critique) is not None, True)
    return told


def _lmsys(data: Path) -> Iterator[tuple[int, dict[str, Any], str]]:
    for number, row in enumerate(
        rows(data / "mt_bench/stefanstud__model_judgment__gpt-4_pair.jsonl.gz")
    ):
        for order in ("g1", "g2"):
            yield number, row, order


def lmsys_pairs(data: Path) -> list[Judgement]:
    """MT-bench, GPT-4 on two models, both orders."""
    found: list[Judgement] = []
    for number, row, order in _lmsys(data):
        names = (row["model_1"], row["model_2"])
        side = read_choice(row[f"{order}_judgment"])
        first, second = names if order == "g1" else names[::-1]
        found.append(Judgement(number, first, second, _SIDES[side] if side else None))
    return found


def qlora(data: Path) -> list[Judgement]:
    """QLoRA, GPT-4 on pairs of models, both orders, on the 80 questions."""
    texts = _qlora_answers(data)
    found: list[Judgement] = []
    for row in rows(data / "qlora_eval/gpt4_pairwise_vicuna.jsonl.gz"):
        first, second = _names(row["file"])
        side = read_last_number(row["text"])
        number = row["question_id"]
        a, b = texts.get((first, number)), texts.get((second, number))
        longer = float(len(a) - len(b)) if a is not None and b is not None else 0.0
        outcome = _SIDES[side] if side else None
        found.append(Judgement(number, first, second, outcome, longer))
    return found


def _qlora_answers(data: Path) -> dict[tuple[str, int], str]:
    answers: dict[tuple[str, int], str] = {}
    for path in (data / "qlora_eval/generations_vicuna").glob("*.jsonl.gz"):
        name = _short(path.name.removesuffix(".jsonl.gz"))
        for row in rows(path):
            answers[name, row["question_id"]] = row.get("generation_truncated") or row["text"]
    for path in (data / "vicuna_eval/answer").glob("*.jsonl.gz"):
        name = path.name.removesuffix(".jsonl.gz").replace("answer_", "").replace("gpt-4", "gpt4")
        for row in rows(path):
            answers.setdefault((name, row["question_id"]), row["text"])
    return answers


def _names(file: str) -> tuple[str, str]:
    first, _, second = file.rpartition("/")[2].partition("-vs-")
    return _short(first), _short(second.partition("-gpt-4-reviewer")[0])


def _short(name: str) -> str:
    for end in ("-vicuna-generations", "-generations"):
        name = name.partition(end)[0]
    return name.replace("answer-", "").replace("answer_", "")


def pandalm(data: Path, judge: str) -> tuple[list[Judgement], list[Game], list[list[int]]]:
    """Verdicts of one judge (gpt or pandalm), the votes of three people, and both as rows."""
    pairs = {row["idx"]: row for row in rows(data / "pandalm/testset_v1.jsonl.gz")}
    name = {"gpt": "gpt_3_5_turbo", "pandalm": "pandalm_7b"}[judge]
    said = {row["idx"]: row for row in rows(data / f"pandalm/{name}_testset_v1.jsonl.gz")}
    read = {"1": 1.0, "2": 0.0, "0": 0.5, "Tie": 0.5}
    votes = {1: 1.0, 2: 0.0, 0: 0.5}
    verdicts: list[Judgement] = []
    people: list[Game] = []
    table: list[list[int]] = []
    for number, row in pairs.items():
        a, b = row["cmp_key"].split("_")
        longer = float(len(str(row["response1"])) - len(str(row["response2"])))
        if number in said:
            outcome = read.get(str(said[number][f"{judge}_result"]))
            verdicts.append(Judgement(number, a, b, outcome, longer))
        table.append([row[f"annotator{n}"] for n in (1, 2, 3)])
        people += [Game(a, b, votes[vote], number) for vote in table[-1]]
    return verdicts, people, table


def tulu(data: Path) -> list[tuple[str, Game, bool, bool]]:
    """Rater, preference, and whether each side was acceptable."""
    outcomes = {
        "tie": 0.5,
        **{f"{x}-is-{s}better": float(x == "a") for x in "ab" for s in ("", "slightly-")},
    }
    return [
        (
            row["evaluator"],
            Game(row["model_a"], row["model_b"], outcomes[row["preference"]], row["instance_id"]),
            row["completion_a_is_acceptable"] == "yes",
            row["completion_b_is_acceptable"] == "yes",
        )
        for row in rows(data / "tulu_human_eval/eval_annotations_tulu_1.jsonl.gz")
        if row["preference"]
    ]


def llmbar(data: Path, judge: str, prompt: str) -> tuple[list[Judgement], list[Game]]:
    """LLMBar, a judge on 100 pairs in both orders, and which of the two is right."""
    found: list[Judgement] = []
    labels: list[Game] = []
    for row in rows(data / f"llmbar/results_natural__{judge}__{prompt}.json.gz"):
        texts = (row["output_1"], row["output_2"])
        labels.append(Game("1", "2", float(row["label"] == 1), row["input"]))
        for result in row["results"]:
            for order, reply in result.items():
                names = ("1", "2") if order == "swap = False" else ("2", "1")
                read = read_named_output(reply["completion"][0]) if reply["completion"] else None
                longer = float(len(texts[0]) - len(texts[1])) * (1 if names[0] == "1" else -1)
                outcome = _SIDES[read] if read else None
                found.append(Judgement(row["input"], *names, outcome, longer))
    return found, labels


def faireval(data: Path) -> tuple[list[Judgement], list[Game]]:
    """GPT-4 on ChatGPT and Vicuna, 80 questions in one order, and people's verdicts on them."""
    review = vicuna_reviews(data)["gpt35_vicuna-13b"]
    folder = data / "vicuna_eval"
    texts = [
        {row["question_id"]: row["text"] for row in rows(folder / f"answer/answer_{name}.jsonl.gz")}
        for name in ("gpt35", "vicuna-13b")
    ]
    found: list[Judgement] = []
    for row in review:
        pair, number = read_pair(row["text"]), row["question_id"]
        longer = float(len(texts[0].get(number, "")) - len(texts[1].get(number, "")))
        outcome = None if pair is None else 0.5 + 0.5 * ((pair[0] > pair[1]) - (pair[0] < pair[1]))
        found.append(Judgement(number, "gpt35", "vicuna-13b", outcome, longer))
    said = (folder / "faireval_human_gpt35_vs_vicuna13b.txt").read_text().split()
    votes = {"CHATGPT": 1.0, "VICUNA13B": 0.0, "TIE": 0.5}
    people = [
        Game("gpt35", "vicuna-13b", votes[vote], row["question_id"])
        for row, vote in zip(sorted(review, key=lambda r: r["question_id"]), said, strict=True)
    ]
    return found, people
