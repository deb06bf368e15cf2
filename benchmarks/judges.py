"""The judges whose verdicts others recorded and published, audited; a table in Markdown.

    python benchmarks/judges.py DATA

Position, length, own answers and agreement with people, with 95 % intervals, of GPT-4 and others on
the questions of Vicuna (QLoRA's verdicts in both orders), MT-bench, LLMBar (labels that are right
or wrong) and PandaLM (three votes of people); the raters of PandaLM and Tulu among themselves. What
is read and how is in ``tests/recorded_judgements.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from didact.stats.agreement import fleiss, krippendorff
from didact.stats.audit import Judgement, audit
from didact.stats.bootstrap import Interval
from didact.stats.bradley_terry import Game
from recorded_judgements import faireval, llmbar, lmsys_pairs, pandalm, qlora, tulu


def percent(value: Interval | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value.mean:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def plain(value: Interval | None) -> str:
    return "-" if value is None else f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]"


def line(
    name: str, verdicts: Sequence[Judgement], *, people: Sequence[Game] = (), own: str = ""
) -> None:
    found = audit(verdicts, people=people, own=own)
    said = found.people
    cells = [
        name,
        f"{found.verdicts:,}",
        percent(found.unreadable),
        percent(found.first),
        percent(found.flips),
        percent(found.longer),
        plain(found.slope),
        percent(found.own),
        percent(said.same) if said else "-",
        plain(said.kappa) if said else "-",
    ]
    print(f"| {' | '.join(cells)} |")


def main() -> None:
    data = Path(sys.argv[1])
    print(
        "| judge | verdicts | unreadable % | winners shown first % | pairs that flip % | longer won"
        " % | length slope, logits | own answers beyond fair % | same as people % | kappa |"
    )
    print(f"|{'---|' * 10}")
    line("GPT-4, 80 questions, both orders (QLoRA)", qlora(data), own="gpt4")
    verdicts, people = faireval(data)
    line("GPT-4 scores, ChatGPT and Vicuna, one order", verdicts, people=people)
    line("GPT-4, MT-bench pairs", lmsys_pairs(data))
    for judge in ("GPT-4", "ChatGPT", "LLaMA2"):
        for prompt in ("Vanilla", "CoT"):
            verdicts, labels = llmbar(data, judge, prompt)
            line(f"{judge}, LLMBar natural, {prompt}", verdicts, people=labels)
    for judge, name in (("gpt", "GPT-3.5"), ("pandalm", "PandaLM-7B")):
        verdicts, votes, table = pandalm(data, judge)
        line(f"{name}, PandaLM's set", verdicts, people=votes)
    counts = [[row.count(vote) for vote in (0, 1, 2)] for row in table]
    print(f"\nThree people on PandaLM's set: Fleiss' kappa {plain(fleiss(counts, seed=0))}.")
    opinions: dict[tuple[str, str, str], dict[str, float]] = {}
    for rater, game, _, _ in tulu(data):
        a, b = sorted((game.a, game.b))
        outcome = game.outcome if a == game.a else 1 - game.outcome
        opinions.setdefault((str(game.item), a, b), {})[rater] = outcome
    rows = [list(votes.values()) for votes in opinions.values() if len(votes) > 1]
    padded = [[*row, *[None] * (4 - len(row))] for row in rows]
    alpha = krippendorff(padded, seed=0, scale="ordinal")
    print(f"The raters of Tulu, {len(rows)} pairs rated twice or more: alpha {plain(alpha)}.")


if __name__ == "__main__":
    main()
