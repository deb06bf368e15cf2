"""Every part of the package that speaks of intervals, and the simulated cases that stand for it.

``interval_coverage.py`` says how often an interval holds the truth; this table says where it is
printed. A module that has intervals and is not in the table fails a test.

    python benchmarks/printed_intervals.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHARE = ("Wilson, 60 trials",)
"""Of things that are or are not so, each for itself."""

MEANS = (
    *SHARE, "bootstrap, 100 skewed scores", "bootstrap, 15 items", "bootstrap of 30 families of 10",
    "bootstrap of 8 families of 20", "5 % right, 39 families of 4", "30 % right, 39 families of 4",
    "half right, 12 families of 5", "6,000 skewed scores",
)  # fmt: skip
"""Scores of a model on items (`didact.stats.means`)."""

GAINS = ("paired bootstrap, 80 items", "bootstrap of 30 families of 10",
         "gain of right answers, 150 items")  # fmt: skip
"""Distances from the base."""

SEEDS = ("3 seeds x 100 items", "5 seeds x 100 items", "paired, 3 seeds x 100 items",
         "3 seeds x 24 families of 10")  # fmt: skip

SIZES = (*SEEDS, "alpha of 4 sizes x 3 seeds x 80")

KAPPAS = ("Cohen, 150 items", "Fleiss, 100 items x 3", "Krippendorff, 120 items, gaps")

RATES = ("win rate, 200 preferences", "relative score, 80 questions", "length-controlled rate, 300",
         "length term, 300")  # fmt: skip

AUDIT = (*SHARE, "length slope of the audit, 300", "own answers of the audit, 160",
         "flips of 4 models x 60 items", "Cohen, 150 items")  # fmt: skip

FORM = ("preference alike in form, 250", "slope of a mark of form, 250", "surface, 156 answers",
        "surface, 39 families of 4", "surface, no distance",
        "part of a gain, 39 families of 4")  # fmt: skip

JUDGES = (*AUDIT, *RATES, "Bradley-Terry, 5 models x 80")

DISTINCT = ("distinct words, lots of a half", "distinct words, lots of a fifth")

PULL = ("pull of length on a filter, 120",)

PRINTED: Mapping[str, Sequence[str]] = {
    "commands.compare": (*MEANS, *GAINS),
    "curves": (*SIZES, *MEANS),
    "data_audit": (*SHARE, "Cohen, 150 items"),
    "diversity": (*SHARE, *DISTINCT),
    "experiments": GAINS,
    "exports.card": (*MEANS, *GAINS),
    "exports.parity": SHARE,
    "judge_audit": (*SHARE, *PULL),
    "judges.duels": JUDGES,
    "pilot": ("cost of 20 calls of a pilot",),
    "ratings.agreement": (*SHARE, *KAPPAS, "bootstrap, 100 skewed scores"),
    "ratings.results": ("bootstrap of 30 families of 10",),
    "report.across": SEEDS,
    "report.comparison": (*MEANS, *GAINS),
    "report.curve_figures": (*SIZES, *MEANS),
    "report.diversity_figures": (*SHARE, *DISTINCT),
    "report.filters": (*SHARE, *PULL),
    "report.judges": JUDGES,
    "report.panels": SHARE,
    "report.run_figures": (*SHARE, *MEANS, *GAINS, *JUDGES),
    "report.sheet": (*MEANS, *GAINS, *SHARE),
    "report.style_figures": (*FORM, *MEANS, *GAINS),
    "shown": (*MEANS, *GAINS),
    "stats.agreement": KAPPAS,
    "stats.audit": AUDIT,
    "stats.bradley_terry": ("Bradley-Terry, 5 models x 80",),
    "stats.contamination": MEANS,
    "stats.form": FORM[:2],
    "stats.length_control": RATES[2:],
    "stats.lots": DISTINCT,
    "stats.means": MEANS,
    "stats.permutation": ("columns, 12 items", "columns, 80 skewed scores"),
    "stats.resampling": ("columns, 12 items", "columns, 80 skewed scores"),
    "stats.scaling": SIZES,
    "stats.seeds": SEEDS,
    "stats.ratios": FORM[5:],
    "stats.surfaces": FORM[2:5],
    "stats.win_rates": RATES[:2],
    "style": (*FORM, *MEANS, *GAINS),
    "sweep": (*SIZES, *MEANS),
    "web.overview": MEANS,
    "web.texts": (*MEANS, *KAPPAS),
}
"""Module to the names of cases, those whose numbers it only shows among them."""


def main() -> None:
    for module, cases in PRINTED.items():
        print(f"{module:26} {'; '.join(cases)}")


if __name__ == "__main__":
    main()
