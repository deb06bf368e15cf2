"""Judges that need no model: they read our prompts and decide by a rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from didact.records import Reply, Request

__all__ = ["answers_in", "deciding", "form_of", "judge_of", "rating"]

Better = Callable[[str, str], float]
"""1 where the first text is better, 0 where the second is, 0.5 for neither."""

_FORMS = (
    re.compile(r"nt A's answer\]\n(.*?)\n\[The end.*nt B's answer\]\n(.*)\n\[The end", re.S),
    re.compile(r"\[Answer 1\]\n(.*?)\n\[End of.*\[Answer 2\]\n(.*)\n\[End of answer 2", re.S),
    re.compile(r"\[Output of model m\]\n(.*?)\n\[End.*\[Output of model M\]\n(.*)\n\[End", re.S),
)  # fmt: skip
_ALONE = re.compile(r"assistant's answer\]\n(.*)\n\[The end of the assistant's answer\]", re.S)


def answers_in(request: Request) -> tuple[str, ...]:
    """The answers that a judge is shown."""
    text = request.messages[-1].content
    if "'model_1'" in text:
        shown = re.findall(r"^    (\{'model': 'model_\d'.*\}),?$", text, re.M)
        return tuple(ast.literal_eval(line)["answer"] for line in shown)
    for form in _FORMS:
        if found := form.search(text):
            return found[1], found[2]
    found = _ALONE.search(text)
    assert found, text
    return (found[1],)


def form_of(request: Request) -> str:
    """What form of verdict the prompt asks for."""
    text = request.messages[-1].content
    marks = {
        "[[C]] or [[D]]": "level",
        "[[grade]]": "grade",
        "'rank'": "rank",
        "one character": "m",
    }
    marks |= {"numbers and nothing else": "scores", "[[C]]": "choice"}
    return next(form for mark, form in marks.items() if mark in text)


def deciding(request: Request, better: Better, goodness: Callable[[str], float]) -> Reply:
    """A reply in the form asked for. ``goodness`` from 0 to 1 judges an answer alone."""
    form, shown = form_of(request), answers_in(request)
    if form == "level":
        return Reply(text=f"So [[{'DCBA'[round(3 * goodness(shown[0]))]}]]")
    if form == "grade":
        return Reply(text=f"Rating: [[{1 + 9 * goodness(shown[0]):g}]]")
    verdict = better(*shown)
    if form == "choice":
        return Reply(text=f"Because. [[{ {1.0: 'A', 0.0: 'B'}.get(verdict, 'C') }]]")
    if form == "scores":
        return Reply(text=f"{5 + 4 * verdict:g} {9 - 4 * verdict:g}\nbecause")
    if form == "rank":
        first = 1 if verdict >= 0.5 else 2
        rows = [{"model": "model_1", "rank": first}, {"model": "model_2", "rank": 3 - first}]
        return Reply(text=str(rows))
    return Reply(text="m" if verdict >= 0.5 else "M", finish="length", logprobs=(-0.1,))


def judge_of(
    better: Better, goodness: Callable[[str], float] = lambda text: 0.5
) -> Callable[[Request], Reply]:
    """A function for the scripted model."""
    return lambda request: deciding(request, better, goodness)


def rating(texts: Sequence[str]) -> tuple[Better, Callable[[str], float]]:
    """A fair judge who likes ``texts`` and nothing else."""
    liked = set(texts)

    def better(first: str, second: str) -> float:
        return 0.5 + ((first in liked) - (second in liked)) / 2

    return better, lambda text: float(text in liked)
