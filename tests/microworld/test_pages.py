"""The pages that the embedded model is pre-trained on."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="pages are turned into tokens")
transformers = pytest.importorskip("transformers", reason="pages are turned into tokens")
SCRIPTS = Path(__file__).parents[2] / "microworld"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def test_no_mark_is_left_in_a_page_and_every_answer_is_where_it_was_marked() -> None:
    from data import MARKS, split  # pyright: ignore
    from documents import Writer, marked  # pyright: ignore

    assert split(f"Q: one\nA: {marked('two')}\n") == ("Q: one\nA: two\n", [(10, 13)])
    pages = [split(page) for page in itertools.islice(Writer(5).documents(), 200)]
    assert not [text for text, _ in pages if MARKS[0] in text or MARKS[1] in text]
    assert sum(len(answers) for _, answers in pages) > 400


def test_the_tokens_said_to_be_answers_are_the_answers() -> None:
    from data import rows_of_tokens  # pyright: ignore
    from documents import marked  # pyright: ignore

    from didact.models.embedded import Embedded

    tokenizer = transformers.AutoTokenizer.from_pretrained(Embedded.directory())
    pages = itertools.repeat(f"Question: name a fruit.\nAnswer: {marked('apple')}\n")
    ids, answers = next(rows_of_tokens(tokenizer, pages, 2, 40))
    assert tokenizer.decode(ids[answers]).split() == ["apple"] * int(
        tokenizer.decode(ids.flatten()).count("Answer: apple")
    )


def test_reserved_tasks_stand_on_no_page() -> None:
    from documents import Writer  # pyright: ignore

    seen = Writer(5)
    tasks = {(task.instruction, task.input) for _ in range(300) for task in seen.tasks()}
    again = Writer(5, reserved=tasks)
    assert not [t for _ in range(300) for t in again.tasks() if (t.instruction, t.input) in tasks]
