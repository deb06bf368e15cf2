"""Recorded judgements, read and audited; published aggregates come out again."""

import csv

import pytest

from didact.stats.agreement import fleiss, krippendorff
from didact.stats.audit import audit
from didact.stats.bradley_terry import ELO, Game, bradley_terry
from didact.stats.length_control import Judged, length_control
from didact.stats.win_rates import relative_score, win_rate
from recorded_judgements import (
    faireval,
    llmbar,
    lmsys_pairs,
    pandalm,
    qlora,
    readings,
    rows,
    tulu,
    vicuna_reviews,
)

BOARDS = {
    "annotations_gpt4": "data_AlpacaEval__alpaca_eval_gpt4",
    "annotations_weighted_gpt4_turbo": "data_AlpacaEval_2__weighted_alpaca_eval_gpt4_turbo",
}


def test_every_recorded_review_is_read_as_its_authors_did_or_the_difference_is_known(data):
    """17,835 reviews of ten judges.

    Vicuna: three give a 0 to an answer that is empty, which is below the scale; two recorded
    scores are not those in the text. QLoRA: 41 of the mathematics reviews, unread there, are read;
    7 say their scores in prose. Auto-J: one critique breaks off before its rating.
    """
    told = {name: dict(counts) for name, counts in readings(data).items()}
    assert told == {
        "vicuna": {"same": 715, "unread": 3, "differs": 2},
        "qlora scores": {"same": 4272, "new": 41, "unread": 7},
        "qlora vicuna": {"same": 3360},
        "qlora oa": {"same": 9530},
        "mt-bench pairs": {"same": 150},
        "mt-bench grades": {"same": 480},
        "llmbar": {"same": 2556},
        "auto-j ratings": {"same": 960},
        "auto-j critiques": {"same": 231, "differs": 1},
    }


# methods.md 12.7: totals of both, then wins of the first, of the second, ties.
@pytest.mark.parametrize(
    ("pair", "totals", "counts"),
    [
        ("alpaca-13b_vicuna-13b", (583, 704), (3, 76, 1)),
        ("bard_vicuna-13b", (664, 655.5), (30, 40, 10)),
        ("gpt35_vicuna-13b", (693, 638), (44, 14, 22)),
        ("llama-13b_vicuna-13b", (513, 694), (3, 77, 0)),
        ("llama_alpaca-13b", (525, 605), (19, 60, 1)),
        ("alpaca-13b_vicuna-7b", (583, 684.5), None),
        ("bard_vicuna-7b", (660, 630), None),
        ("gpt35_vicuna-7b", (688, 604), None),
        ("llama_vicuna-7b", (513, 677.5), None),
    ],
)
def test_the_totals_of_the_eighty_questions(data, pair, totals, counts):
    scores = [row["score"] for row in vicuna_reviews(data)[pair]]
    found = relative_score([a for a, _ in scores], [b for _, b in scores])
    assert (found.total, found.reference) == totals
    assert counts is None or (found.wins, found.losses, found.ties) == counts
    assert found.ratio.low < 100 * totals[0] / totals[1] < found.ratio.high


@pytest.mark.parametrize("folder", BOARDS)
def test_the_win_rates_of_both_leaderboards_to_the_last_digit(data, folder):
    root = data / "alpaca_eval"
    with (root / f"leaderboards/{BOARDS[folder]}_leaderboard.csv").open() as file:
        board = {row[""]: row for row in csv.DictReader(file)}
    files = [path for path in sorted((root / folder).iterdir()) if _model(path) in board]
    assert len(files) >= 9
    for path in files:
        row = board[_model(path)]
        found = win_rate([line["preference"] for line in rows(path)], draws=100)
        assert found.win_rate.mean == pytest.approx(float(row["win_rate"]), abs=1e-9)
        assert found.standard_error == pytest.approx(float(row["standard_error"]), abs=1e-9)
        assert found.discrete == pytest.approx(float(row["discrete_win_rate"]), abs=1e-9)
        counts = [row[key] for key in ("n_wins", "n_wins_base", "n_draws", "n_total")]
        assert [found.wins, found.losses, found.draws, found.total] == [
            int(float(n)) for n in counts
        ]


def _model(path):
    return path.name.removesuffix(".jsonl.gz")


def test_length_control_fitted_on_the_recorded_verdicts_finds_the_judges_taste_for_length(data):
    """Ours is fitted on six models with one slope, and lands within ten points of published."""
    root = data / "alpaca_eval"
    reference = {
        r["instruction"]: r["output"] for r in rows(root / "outputs/text_davinci_003.jsonl.gz")
    }
    models = ("alpaca-7b", "claude", "guanaco-65b", "vicuna-13b", "text_davinci_001", "phi-2")
    verdicts = []
    for model in models:
        texts = {r["instruction"]: r["output"] for r in rows(root / f"outputs/{model}.jsonl.gz")}
        for row in rows(root / f"annotations_gpt4/{model}.jsonl.gz"):
            asked = row["instruction"]
            if row["preference"] is not None and asked in texts:
                longer = float(len(texts[asked]) - len(reference[asked]))
                verdicts.append(Judged(asked, model, (row["preference"] or 1.5) - 1, longer))
    found = length_control(verdicts, seed=0, draws=100)
    assert found.slope.low > 0.5
    with (root / f"leaderboards/{BOARDS['annotations_gpt4']}_leaderboard.csv").open() as file:
        board = {row[""]: row for row in csv.DictReader(file)}
    longer = [line for line in found.models if line.mean_longer_by > 300]
    assert len(longer) >= 3
    for line in longer:
        published = float(board[line.model]["length_controlled_winrate"])
        assert line.controlled.high < line.raw.mean
        assert line.controlled.mean == pytest.approx(published, abs=10)


def test_gpt4_on_the_eighty_questions_flips_and_likes_length(data):
    """QLoRA, 3,360 verdicts in both orders: one pair in five is decided by place alone."""
    judgements = qlora(data)
    found = audit(judgements, own="gpt4", draws=200)
    assert found.verdicts == 3360
    assert found.unreadable.mean * 3360 == pytest.approx(5)
    assert found.first.mean == pytest.approx(0.642, abs=0.001)
    assert found.flips.mean == pytest.approx(0.196, abs=0.001)
    assert found.longer.mean == pytest.approx(0.786, abs=0.001)
    assert found.slope.low > 1
    assert found.own.low > 0.3
    games = [
        Game(j.first, j.second, j.outcome, j.item) for j in judgements if j.outcome is not None
    ]
    ranked = bradley_terry(games, seed=0, draws=100)
    assert [line.model for line in ranked][:2] == ["gpt4", "65b-guanaco"]
    assert ranked[0].strength.low > ranked[1].strength.high
    assert round(ELO * (ranked[0].strength.mean - ranked[-1].strength.mean)) == 482


def test_gpt4_on_mt_bench_pairs_flips(data):
    found = audit(lmsys_pairs(data), draws=50)
    assert found.unreadable.mean == 3 / 150
    assert found.flips.mean == pytest.approx(18 / 73)
    assert found.slope is None


@pytest.mark.parametrize(
    ("judge", "flips", "right"), [("GPT-4", 0.05, 0.93), ("ChatGPT", 0.29, 0.67)]
)
def test_judges_on_pairs_that_have_a_right_answer(data, judge, flips, right):
    """LLMBar: what flips with the order is wrong half the time, and both are told."""
    verdicts, labels = llmbar(data, judge, "Vanilla")
    found = audit(verdicts, people=labels, draws=50)
    assert (found.verdicts, found.flips.mean, found.people.same.mean) == (200, flips, right)
    assert found.people.same.low < right < found.people.same.high


def test_a_judge_asked_in_one_order_agrees_little_with_people(data):
    """FairEval: GPT-4 on ChatGPT against Vicuna; three winners in four stood first."""
    verdicts, people = faireval(data)
    found = audit(verdicts, people=people, draws=50)
    assert found.flips is None
    assert found.first.low > 0.6
    assert found.people.same.mean == pytest.approx(42 / 80)
    assert found.people.kappa.high < 0.5


def test_three_people_agree_on_pandalm_more_than_judges_do_with_them(data):
    _, people, table = pandalm(data, "gpt")
    unanimous = sum(len(set(row)) == 1 for row in table) / len(table)
    counts = [[row.count(vote) for vote in (0, 1, 2)] for row in table]
    kappa = fleiss(counts, seed=0)
    assert unanimous == pytest.approx(0.872, abs=0.001)
    assert kappa.mean == pytest.approx(0.857, abs=0.001)
    # Alpha is kappa but for the correction for few ratings.
    assert krippendorff(table, seed=0).mean == pytest.approx(kappa.mean, abs=1e-3)
    for judge, share, agreed in (("gpt", 0.713, 0.484), ("pandalm", 0.648, 0.401)):
        verdicts, _, _ = pandalm(data, judge)
        found = audit(verdicts, people=people, draws=100)
        assert found.people.same.mean == pytest.approx(share, abs=0.001)
        assert found.people.kappa.mean == pytest.approx(agreed, abs=0.001)
        assert found.people.kappa.high < kappa.low
        assert found.slope.low > 0
        assert found.flips is None


def test_the_raters_of_tulu_agree_somewhat_and_rank_the_models(data):
    rated = tulu(data)
    assert len(rated) == 1150
    opinions = {}
    for rater, game, _, _ in rated:
        a, b = sorted((game.a, game.b))
        outcome = game.outcome if a == game.a else 1 - game.outcome
        opinions.setdefault((game.item, a, b), {})[rater] = outcome
    table = [list(votes.values()) for votes in opinions.values() if len(votes) > 1]
    padded = [row + [None] * (4 - len(row)) for row in table]
    alpha = krippendorff(padded, seed=0, scale="ordinal")
    assert 0.1 < alpha.low < alpha.mean < alpha.high < 0.7
    ranked = bradley_terry([game for _, game, _, _ in rated], seed=0, draws=100)
    assert [line.model for line in ranked][:2] == ["chatgpt", "tulu_65B"]
    assert sum(a for _, _, a, _ in rated) == 910
