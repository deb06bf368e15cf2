"""How often each interval that is printed holds the truth: 93 to 97 times in 100, or it is wrong.

    python benchmarks/interval_coverage.py [--simulations 2000] [--only NAME]

Every case makes data whose truth is known, at sizes that evaluations have, computes the interval as
the library does (fewer resamples, which only adds noise), and looks whether the truth is inside.
Prints one line for each case: the share that held, and whether 93 to 97 % was kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Hashable
from functools import cache
from itertools import combinations
from math import exp, log, sqrt

import numpy as np

from didact.judge_audit import Rated, audit_judge
from didact.records import Score
from didact.report.comparison import compare
from didact.stats.agreement import cohen, fleiss, krippendorff
from didact.stats.audit import Judgement, audit, length_slope
from didact.stats.bootstrap import Interval, bootstrap, paired_bootstrap, wilson
from didact.stats.bradley_terry import Game, bradley_terry
from didact.stats.form import Form, form
from didact.stats.length_control import Judged, length_control
from didact.stats.lots import lot_interval
from didact.stats.means import mean_interval
from didact.stats.ratios import part_of
from didact.stats.resampling import column_intervals
from didact.stats.scaling import scaling
from didact.stats.seeds import across_seeds, paired_across_seeds
from didact.stats.surfaces import surface_distance
from didact.stats.win_rates import relative_score, win_rate

LOW, HIGH = 0.93, 0.97
DRAWS = 1000

Case = Callable[[np.random.Generator, int], tuple[Interval, float]]
"""An interval and the truth it should hold."""


def skewed(rng: np.random.Generator, items: int) -> np.ndarray:
    """Scores like ROUGE-L of short answers: many low, some high; mean 0.25."""
    return rng.beta(0.8, 2.4, items)


def mean_of_scores(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return bootstrap(skewed(rng, 100).tolist(), seed=seed, resamples=DRAWS), 0.25


def paired_difference(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    hard = rng.normal(size=80)
    a, b = hard + rng.normal(0.3, 1, 80), hard + rng.normal(0, 1, 80)
    return paired_bootstrap(a.tolist(), b.tolist(), seed=seed, resamples=DRAWS), 0.3


def families(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    owner: list[Hashable] = np.repeat(np.arange(30), 10).tolist()
    data = rng.normal(size=30).repeat(10) * 0.5 + rng.normal(size=300)
    return bootstrap(data.tolist(), seed=seed, resamples=DRAWS, clusters=owner), 0.0


def few_items(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return bootstrap(rng.normal(size=15).tolist(), seed=seed, resamples=DRAWS), 0.0


def few_families(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    owner: list[Hashable] = np.repeat(np.arange(8), 20).tolist()
    data = rng.normal(size=8).repeat(20) * 0.5 + rng.normal(size=160)
    return bootstrap(data.tolist(), seed=seed, resamples=DRAWS, clusters=owner), 0.0


def share(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    truth = rng.uniform(0.05, 0.95)
    return wilson(int(rng.binomial(60, truth)), 60), truth


def columns_few(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    data = rng.normal(size=(12, 3))
    return column_intervals(data, seed=seed, draws=DRAWS)[1], 0.0


def columns_skewed(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    data = skewed(rng, 240).reshape(80, 3)
    return column_intervals(data, seed=seed, draws=DRAWS)[2], 0.25


def preferences(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    given = 1 + rng.choice([0.0, 0.5, 1.0], size=200, p=[0.6, 0.1, 0.3])
    return win_rate(given.tolist(), seed=seed).win_rate, 35.0


def seeds(count: int) -> Case:
    def case(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
        table = (
            rng.normal(size=(count, 1)) * 0.2 + rng.normal(size=100) + rng.normal(size=(count, 100))
        )
        return across_seeds(table).score, 0.0

    return case


def paired_seeds(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    hard = rng.normal(size=100)
    a = hard + rng.normal(size=(3, 1)) * 0.15 + rng.normal(size=(3, 100)) + 0.1
    b = hard + rng.normal(size=(3, 1)) * 0.15 + rng.normal(size=(3, 100))
    return paired_across_seeds(a, b).score, 0.1


def _raters(rng: np.random.Generator, items: int, number: int, copies: float) -> np.ndarray:
    """Ratings that are the item's own with probability ``copies``: kappa is its square."""
    odds = [0.5, 0.3, 0.2]
    own = rng.choice(3, size=(items, 1), p=odds)
    guess = rng.choice(3, size=(items, number), p=odds)
    return np.where(rng.random((items, number)) < copies, own, guess)


def kappa_of_two(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    data = _raters(rng, 150, 2, 0.8)
    return cohen(data[:, 0].tolist(), data[:, 1].tolist(), seed=seed, draws=DRAWS), 0.64


def kappa_of_three(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    data = _raters(rng, 100, 3, 0.8)
    counts = np.stack([(data == category).sum(1) for category in range(3)], axis=1)
    return fleiss(counts.tolist(), seed=seed, draws=DRAWS), 0.64


def alpha_with_gaps(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    data = _raters(rng, 120, 4, 0.8)
    gaps = rng.random(data.shape) < 0.3
    rows = [
        [None if gap else float(value) for value, gap in zip(row, gone, strict=True)]
        for row, gone in zip(data, gaps, strict=True)
    ]
    return krippendorff(rows, seed=seed, draws=DRAWS), 0.64


def strength(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    truth = np.array([0.8, 0.3, 0.0, -0.4, -0.7])
    games = [
        Game(str(a), str(b), float(rng.random() < 1 / (1 + exp(truth[b] - truth[a]))), item)
        for item in range(80)
        for a in range(5)
        for b in range(a + 1, 5)
    ]
    lines = bradley_terry(games, seed=seed, draws=400)
    return next(line.strength for line in lines if line.model == "0"), float(truth[0])


def _judged(rng: np.random.Generator) -> list[Judged]:
    """A judge with a slope of 1 for length, of a model whose answers are often longer."""
    longer = rng.normal(100, 400, 300)
    chance = 1 / (1 + np.exp(-(log(1.5) + np.tanh(longer / np.sqrt(100**2 + 400**2)))))
    won = rng.random(300) < chance
    return [
        Judged(n, "m", float(w), float(by))
        for n, (w, by) in enumerate(zip(won, longer, strict=True))
    ]


def controlled(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return length_control(_judged(rng), seed=seed, draws=400).models[0].controlled, 60.0


def length_term(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return length_control(_judged(rng), seed=seed, draws=400).slope, 1.0


def slope_of_audit(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    found: list[Judgement] = []
    for verdict in _judged(rng):
        by = verdict.longer_by
        found.append(Judgement(verdict.item, "m", "r", verdict.preference, by))
        found.append(Judgement(verdict.item, "r", "m", 1 - verdict.preference, -by))
    interval = length_slope(found, seed=seed, draws=400)
    assert interval
    return interval, 1.0


def ratio(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    hard = rng.uniform(-1, 1, 80)
    mine, other = 6.5 + hard + rng.uniform(-2, 2, 80), 8 + hard + rng.uniform(-1, 1, 80)
    found = relative_score(mine.tolist(), other.tolist(), seed=seed, draws=DRAWS)
    return found.ratio, 100 * 6.5 / 8


def gain_of_right_answers(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    """Two models that are right or wrong on the same 150 items, as the report compares them."""
    hard = rng.uniform(-0.3, 0.3, 150)
    scores = [
        Score(example_id=str(n), model=model, metric="exact_match", value=100.0 * float(right))
        for model, level in (("base", 0.4), ("trained", 0.5))
        for n, right in enumerate(rng.random(150) < level + hard)
    ]
    (metric,) = compare(scores, families={})
    line = metric.of("trained")
    assert line
    assert line.gain
    return line.gain, 10.0


def own_answers(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    """A judge that prefers its own answers 15 times in 100 more often than chance."""
    found = [
        Judgement(n, *(("own", "x") if n % 2 else ("x", "own")), float(won == (n % 2 == 1)))
        for n, won in enumerate(rng.random(160) < 0.65)
    ]
    told = audit(found, own="own", draws=20).own
    assert told
    return told, 0.15


def flips_of_many_models(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    """Four models on 60 items, some of which turn with the order more often than others."""
    found: list[Judgement] = []
    for item, odds in enumerate(rng.beta(1, 3, 60)):
        for a, b in combinations("abcd", 2):
            first, flips = float(rng.random() < 0.5), rng.random() < odds
            found.append(Judgement(item, a, b, first))
            found.append(Judgement(item, b, a, first if flips else 1 - first))
    told = audit(found, seed=seed, draws=20).flips
    assert told
    return told, 0.25


def seeds_of_families(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    """Three seeds on 24 families of 10: families are the columns."""
    items = rng.normal(size=24).repeat(10) * 0.5 + rng.normal(size=240)
    table = rng.normal(size=(3, 1)) * 0.15 + items + rng.normal(size=(3, 240))
    return across_seeds(table.reshape(3, 24, 10).mean(axis=2)).score, 0.0


def alpha_of_sizes(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    """Four sizes, three seeds, 80 items; a score that gains 6 each time the data grows e times."""
    sizes = (200, 500, 1200, 3000)
    means = 6 * np.log(np.array(sizes))[:, None, None]
    items = rng.normal(size=80) * 20 * np.linspace(0.9, 1.1, 4)[:, None, None]
    block = means + items + rng.normal(size=(4, 3, 1)) * 2 + rng.normal(size=(4, 3, 80)) * 15
    return scaling(sizes, block, seed=seed).alpha, 6.0


def pull_on_a_filter(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    """A judge of data that adds 0.3 points for each doubling of the words."""
    labels = rng.integers(1, 6, 120)
    words = np.exp2(rng.uniform(3, 9, 120)).astype(int)
    given = 0.5 * labels + 0.3 * np.log2(words + 1) + rng.normal(size=120)
    rated = [
        Rated(label=float(label), scores=(float(score),), words=int(count))
        for label, score, count in zip(labels, given, words, strict=True)
    ]
    slope = audit_judge(rated, at_least=3).slope
    assert slope
    return slope, 0.3


def _form(rng: np.random.Generator, seed: int) -> Form:
    marks = rng.normal(0.5, 1, (250, 2))
    scale = np.sqrt(1.25)
    chance = 1 / (1 + np.exp(-(0.4 + np.tanh(marks / scale) @ np.array([0.8, 0.0]))))
    won = (rng.random(250) < chance).astype(float)
    return form(won.tolist(), marks.tolist(), seed=seed, draws=300)


def alike_in_form(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return _form(rng, seed).alike, 100 / (1 + exp(-0.4))


def mark_of_form(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return _form(rng, seed).slopes[0], 0.8


def beside_the_teacher(families: int = 0) -> Case:
    """156 answers beside 300 of the teacher: two marks that differ and one that does not."""
    groups = [n % families for n in range(156)] if families else None

    def case(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
        words = rng.normal(0.5, 1, 156)
        if groups:
            words += 0.5 * rng.normal(size=families)[groups]
        mine = np.column_stack([words, rng.random(156) < 0.5, rng.normal(size=156)])
        theirs = np.column_stack(
            [rng.normal(size=300), rng.random(300) < 0.3, rng.normal(size=300)]
        )
        truth = sqrt((0.5**2 + 0.2**2 / 0.21) / 3)
        return surface_distance(mine.tolist(), theirs.tolist(), clusters=groups), truth

    return case


def looks_alike(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
    data = rng.normal(size=(400, 4)).tolist()
    return surface_distance(data[:150], data[150:]), 0.0


def right_in_families(share: float, families: int, items: int) -> Case:
    """Right or wrong answers of families that differ much."""

    def case(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
        odds = rng.beta(2 * share, 2 * (1 - share), families).repeat(items)
        right = (rng.random(families * items) < odds) * 100.0
        owner: list[Hashable] = np.repeat(np.arange(families), items).tolist()
        return mean_interval(right.tolist(), low=0, top=100, seed=seed, clusters=owner), 100 * share

    return case


def many_scores(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    return mean_interval(skewed(rng, 6000).tolist(), low=0, top=1, seed=seed), 0.25


def _texts(rng: np.random.Generator, number: int) -> np.ndarray:
    """Texts of eight words: some common, most of the text's topic."""
    topic = rng.integers(40, size=(number, 1)) * 60 + rng.integers(60, size=(number, 8))
    common = 3000 + (rng.random((number, 8)) ** 3 * 2000).astype(int)
    return np.where(rng.random((number, 8)) < 0.5, common, topic)


def _distinct(texts: np.ndarray) -> float:
    return len(set(texts.ravel().tolist())) / texts.size


@cache
def _distinct_of(number: int) -> float:
    rng = np.random.default_rng(1)
    return float(np.mean([_distinct(_texts(rng, number)) for _ in range(4000)]))


def distinct_words(part: int) -> Case:
    """200 texts in lots of a part of them, ten pairs, as the diversity panel draws them."""

    def case(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:  # noqa: ARG001
        texts, number = _texts(rng, 200), 200 // part
        pairs = [
            (_distinct(mixed[:number]), _distinct(mixed[number : 2 * number]))
            for mixed in (texts[rng.permutation(200)] for _ in range(10))
        ]
        return lot_interval(pairs, 1 / part), _distinct_of(number)

    return case


def cost_of_calls(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    """What 20 calls of a pilot cost: some replies are several times as long as others."""
    costs = np.exp(rng.normal(0, 0.5, 20))
    return bootstrap(costs.tolist(), seed=seed, resamples=DRAWS), exp(0.125)


def part_of_a_gain(rng: np.random.Generator, seed: int) -> tuple[Interval, float]:
    """A control that gains 15 points where the tuned one gains 50, in 39 families of 4."""
    owner: list[Hashable] = np.repeat(np.arange(39), 4).tolist()
    hard = rng.normal(size=39).repeat(4) * 20
    whole, part = (gain + hard + 30 * rng.normal(size=156) for gain in (50, 15))
    found = part_of(part.tolist(), whole.tolist(), seed=seed, clusters=owner, draws=DRAWS)
    assert found
    return found, 30.0


CASES: dict[str, Case] = {
    "bootstrap, 100 skewed scores": mean_of_scores,
    "paired bootstrap, 80 items": paired_difference,
    "bootstrap of 30 families of 10": families,
    "bootstrap, 15 items": few_items,
    "bootstrap of 8 families of 20": few_families,
    "Wilson, 60 trials": share,
    "columns, 12 items": columns_few,
    "columns, 80 skewed scores": columns_skewed,
    "win rate, 200 preferences": preferences,
    "3 seeds x 100 items": seeds(3),
    "5 seeds x 100 items": seeds(5),
    "paired, 3 seeds x 100 items": paired_seeds,
    "Cohen, 150 items": kappa_of_two,
    "Fleiss, 100 items x 3": kappa_of_three,
    "Krippendorff, 120 items, gaps": alpha_with_gaps,
    "Bradley-Terry, 5 models x 80": strength,
    "length-controlled rate, 300": controlled,
    "length term, 300": length_term,
    "length slope of the audit, 300": slope_of_audit,
    "relative score, 80 questions": ratio,
    "gain of right answers, 150 items": gain_of_right_answers,
    "own answers of the audit, 160": own_answers,
    "flips of 4 models x 60 items": flips_of_many_models,
    "3 seeds x 24 families of 10": seeds_of_families,
    "alpha of 4 sizes x 3 seeds x 80": alpha_of_sizes,
    "pull of length on a filter, 120": pull_on_a_filter,
    "preference alike in form, 250": alike_in_form,
    "slope of a mark of form, 250": mark_of_form,
    "surface, 156 answers": beside_the_teacher(),
    "surface, 39 families of 4": beside_the_teacher(39),
    "surface, no distance": looks_alike,
    "5 % right, 39 families of 4": right_in_families(0.05, 39, 4),
    "30 % right, 39 families of 4": right_in_families(0.3, 39, 4),
    "half right, 12 families of 5": right_in_families(0.5, 12, 5),
    "6,000 skewed scores": many_scores,
    "distinct words, lots of a half": distinct_words(2),
    "distinct words, lots of a fifth": distinct_words(5),
    "cost of 20 calls of a pilot": cost_of_calls,
    "part of a gain, 39 families of 4": part_of_a_gain,
}


def coverage(case: Case, simulations: int, *, seed: int = 0) -> float:
    """The share of simulations whose interval holds the truth."""
    rng = np.random.default_rng(seed)
    held = 0
    for number in range(simulations):
        interval, truth = case(rng, number)
        held += interval.low <= truth <= interval.high
    return held / simulations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    for name, case in CASES.items():
        if options.only in name:
            found = coverage(case, options.simulations)
            kept = "kept" if LOW <= found <= HIGH else "NOT KEPT"
            print(f"{name:34} {100 * found:6.2f} %  {kept}", flush=True)


if __name__ == "__main__":
    main()
