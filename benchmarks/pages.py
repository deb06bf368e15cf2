"""What can the embedded model do on the pages that curation, evolution and backtranslation use?

    python benchmarks/pages.py --items 300

Each item is a page of a kind that the model met in pre-training, cut where the model has to go on,
written with a seed that pre-training did not use. The auditor judges what it writes: the grade it
gives to right and to wrong answers, whether a harder exercise is a valid task that says more than
the one it came from, and whether a request it infers is one that the text would answer.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from scipy.stats import spearmanr

from didact.microworld.auditor import audit
from didact.models.embedded import Embedded
from didact.records import Example, Origin, Request, Sampling
from didact.stats.bootstrap import wilson

sys.path.insert(0, str(Path(__file__).parents[1] / "microworld"))
from data import split
from documents import Writer

SEED = 77_001
SHOWN = 4
"""Worked entries on a page before the one that the model completes."""


def _valid(instruction: str, output: str, given: str = "") -> Example:
    return Example.single(instruction, output, input=given, origin=Origin(recipe="pages"))


async def _ask(prompts: Sequence[str], stop: str) -> list[str]:
    model = Embedded()
    sampling = Sampling(max_tokens=60, stop=(stop,))
    requests = [Request(prompt=prompt, sampling=sampling) for prompt in prompts]
    replies = await asyncio.gather(*map(model.ask, requests))
    await model.close()
    return [reply.text.strip() for reply in replies]


def _pages(make: Callable[[Writer], str], count: int) -> list[list[str]]:
    """Pages of exactly the length wanted, as lists of their entries."""
    writer = Writer(SEED)
    pages: list[list[str]] = []
    while len(pages) < count:
        entries = split(make(writer))[0].split("\n\n")
        if len(entries) > SHOWN:
            pages.append(entries[: SHOWN + 1])
    return pages


def graded(items: int) -> None:
    """Grades given to answers whose true grade is known."""
    pages = [page for page in _pages(Writer.graded, items * 3) if "\nScore:" in page[-1]]
    cut, true = [], []
    for *shown, last in pages[:items]:
        found = re.search(r"Score: (\d)", last)
        if found is None:
            continue
        true.append(int(found[1]))
        start = last[: min(last.index("\nReason:"), last.index("\nScore:"))]
        reason_first = last.index("\nReason:") < last.index("\nScore:")
        cut.append("\n\n".join([*shown, start]) + ("\nReason:" if reason_first else "\nScore:"))
    replies = asyncio.run(_ask(cut, "\n\n"))
    numbers = [re.search(r"(?:Score: )?([1-5])\b", reply) for reply in replies]
    pairs = [(t, int(n[1])) for t, n in zip(true, numbers, strict=True) if n]
    exact = wilson(sum(t == n for t, n in pairs), len(true))
    split = wilson(sum((t >= 4) == (n >= 4) for t, n in pairs), len(true))
    rank = spearmanr(*zip(*pairs, strict=True)).statistic
    print(f"graded    exact grade {_share(exact)}; right told from wrong {_share(split)};")
    print(f"          rank correlation {rank:.2f}; {len(true) - len(pairs)} of {len(true)} unread")


def evolved(items: int) -> None:
    """Exercises made harder, and turned into another one."""
    for mark in ("Harder", "Another one"):
        pages = [page for page in _pages(Writer.evolved, items * 4) if f"\n{mark}:" in page[-1]]
        prompts = ["\n\n".join(p)[: "\n\n".join(p).rindex(f"\n{mark}:")] for p in pages[:items]]
        asked = [p.rsplit("Exercise: ", 1)[1] for p in prompts]
        replies = asyncio.run(_ask([f"{prompt}\n{mark}:" for prompt in prompts], "\n"))
        now = [audit(_valid(reply, "")) for reply in replies]
        before = [audit(_valid(instruction, "")).family for instruction in asked]
        valid = sum(one.valid_instruction for one in now)
        other = sum(
            one.valid_instruction and one.family != old
            for one, old in zip(now, before, strict=True)
        )
        print(
            f"{mark.lower():<11} valid task {_share(wilson(valid, len(now)))};"
            f" valid and of another family {_share(wilson(other, len(now)))}"
        )


def unsaid(items: int) -> None:
    """Requests inferred from texts that would answer them."""
    pages = _pages(Writer.unsaid, items)
    prompts = ["\n\n".join(page).rsplit("\nRequest:", 1)[0] for page in pages]
    texts = [prompt.rsplit("Text: ", 1)[1] for prompt in prompts]
    replies = asyncio.run(_ask([f"{prompt}\nRequest:" for prompt in prompts], "\n\n"))
    found = [audit(_valid(reply, text)) for reply, text in zip(replies, texts, strict=True)]
    valid = wilson(sum(one.valid_instruction for one in found), len(found))
    right = wilson(sum(one.output_correct for one in found), len(found))
    print(f"unsaid    valid request {_share(valid)}; the text answers it {_share(right)}")


def _share(share: object) -> str:
    return f"{share.mean:.0%} [{share.low:.0%}, {share.high:.0%}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--items", type=int, default=300)
    options = parser.parse_args()
    graded(options.items)
    evolved(options.items)
    unsaid(options.items)


if __name__ == "__main__":
    main()
