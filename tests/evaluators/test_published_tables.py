"""Published tables come out of their counts, each number with the interval that was not printed."""

import asyncio

import pytest

from didact.context import Context
from didact.evaluators.four_level import FourLevel
from didact.models.scripted import Scripted
from didact.records import Answer, Example, Origin, Reply
from didact.report.comparison import compare
from didact.report.judges import judges
from didact.stats.agreement import cohen_of_table
from didact.stats.win_rates import relative_score
from judge_toys import answers_in

# methods.md 1.8: A, B, C, D of 252 instructions; the shares of A and of A or B, percent.
PEOPLE = {
    "GPT3": ((1, 0, 64, 187), 0.4, 0.4),
    "GPT3+T0": ((44, 31, 59, 118), 17.5, 29.8),
    "GPT3+SuperNI": ((74, 30, 80, 68), 29.4, 41.3),
    "SELF-INST+SuperNI": ((83, 54, 84, 31), 32.9, 54.4),
    "SELF-INST": ((112, 49, 66, 25), 44.4, 63.9),
    "InstructGPT-001": ((128, 45, 61, 18), 50.8, 68.7),
    "InstructGPT-002": ((168, 40, 34, 10), 66.7, 82.5),
    "InstructGPT-003": ((192, 30, 28, 2), 76.2, 88.1),
}


def scores_of(counts):
    letters = [letter for letter, count in zip("ABCD", counts, strict=True) for _ in range(count)]
    answers = [
        Answer(
            example=Example.single(f"Task {n}", "", origin=Origin(recipe="test")),
            model="base",
            text=letter,
            call="",
        )
        for n, letter in enumerate(letters)
    ]
    judge = Scripted(replies=lambda request: Reply(text=f"[[{answers_in(request)[0]}]]"))

    async def collect():
        ctx = Context({"judge": judge})
        return [score async for score in FourLevel().score(ctx, answers)]

    return asyncio.run(collect())


def test_the_four_levels_of_people_through_the_evaluator_and_the_report():
    """The scaling figure prints 44.4 % for the same 112 of 252."""
    counts, best, acceptable = PEOPLE["SELF-INST"]
    metrics = {metric.key: metric for metric in compare(scores_of(counts), families={})}
    a = metrics["satisfying"].models[0].score
    assert round(a.mean, 1) == best
    assert (round(a.low, 1), round(a.high, 1)) == (38.4, 50.6)
    assert round(metrics["acceptable"].models[0].score.mean, 1) == acceptable
    mean = (4 * counts[0] + 3 * counts[1] + 2 * counts[2] + counts[3]) / 252
    assert metrics["four_level"].models[0].score.mean == pytest.approx(mean)


@pytest.mark.parametrize("model", PEOPLE)
def test_the_shares_of_every_model(model):
    counts, best, acceptable = PEOPLE[model]
    assert sum(counts) == 252
    assert round(100 * counts[0] / 252, 1) == best
    assert round(100 * (counts[0] + counts[1]) / 252, 1) == acceptable


# methods.md 3.4: fractions of 755 votes that left won, right won, tied.
HHH = [
    ((323, 333, 99), (0.4278, 0.4411, 0.1311)),
    ((286, 283, 186), (0.3788, 0.3748, 0.2464)),
    ((239, 267, 249), (0.3166, 0.3536, 0.3298)),
]


@pytest.mark.parametrize(("votes", "printed"), HHH)
def test_helpful_honest_harmless_as_printed_and_neither_is_clearly_better(votes, printed, tmp_path):
    wins, losses, ties = votes
    pair = {"a": "tuned", "b": "gpt4", "wins": wins, "losses": losses, "ties": ties, "unscored": 0}
    noted = {"hhh": {"helpful": {"asked": sum(votes), "unread": {}, "pairs": [pair]}}}
    [found] = judges(noted, tmp_path).judges
    [line] = found.pairs
    shares = (line.wins, line.losses, line.ties)
    # The paper cuts off after the fourth digit, or rounds.
    assert [share.mean for share in shares] == pytest.approx(printed, abs=1e-4)
    # What the paper concludes: on none of the three is one of them clearly better.
    assert line.wins.high > line.losses.low
    assert line.losses.high > line.wins.low


# methods.md 3.5: totals over the 80 questions, and the percentage printed.
RATIOS = [
    ((606, 726.5), 83), ((640, 715.5), 89), ((593, 745.5), 80), ((520, 731.5), 71),
    ((609, 666.5), 91), ((649, 652.5), 99), ((585, 704.5), 83), ((502, 698.5), 72),
    ((631, 722.5), 87), ((652, 714), 91),
]  # fmt: skip


@pytest.mark.parametrize(("totals", "printed"), RATIOS)
def test_relative_scores_as_printed(totals, printed):
    mine, other = totals
    found = relative_score([mine / 80] * 80, [other / 80] * 80, draws=100)
    assert found.total == pytest.approx(mine)
    assert int(found.ratio.mean + 0.5) == printed


def test_kappa_is_agreement_beyond_chance_of_the_counts_of_two_raters():
    """The ratings behind the 0.57 of Self-Instruct are not published; the arithmetic is this."""
    table = [[50, 26, 24], [24, 4, 32], [6, 30, 4]]
    agreed, margins = 58 / 200, [(100, 80), (60, 60), (40, 60)]
    chance = sum(a * b for a, b in margins) / 200**2
    found = cohen_of_table(table, seed=0)
    assert found.mean == pytest.approx((agreed - chance) / (1 - chance))
    assert found.low < found.mean < found.high


def test_the_kappa_printed_for_the_four_levels_goes_with_the_counts_printed():
    """methods.md 1.8: 0.57 between two raters of the answers that are counted above.

    Only the first rater's counts were published. With a second one who gives as many of each, 0.57
    is to say the same of 69 answers in 100; the table of two such raters has that kappa.
    """
    totals = [sum(counts[level] for counts, _, _ in PEOPLE.values()) for level in range(4)]
    shares = [total / sum(totals) for total in totals]
    by_chance = sum(share * share for share in shares)
    assert round(100 * (0.57 + 0.43 * by_chance)) == 69
    table = [
        [round(2016 * (0.43 * a * b + (0.57 * a if i == j else 0))) for j, b in enumerate(shares)]
        for i, a in enumerate(shares)
    ]
    found = cohen_of_table(table, seed=0)
    assert round(found.mean, 2) == 0.57
    same = sum(table[level][level] for level in range(4)) / sum(map(sum, table))
    assert round(100 * same) == 69
    assert 0.53 < found.low < found.high < 0.61
