"""What a judge is asked in every form of the filter `judged`, one file a form."""

import pytest

from didact.records import Example, Origin
from didact.text.rating_forms import ASPECTS, FORMS, questions

EXAMPLE = Example.single(
    "Is this animal a mammal or a bird?", "It is a bird.", input="Crow", origin=Origin(recipe="t")
)


@pytest.mark.parametrize("form", FORMS)
def test_the_question_is_as_it_was_reviewed(golden, form):
    asked = questions(form, EXAMPLE, dimension="accuracy", aspects=tuple(ASPECTS))
    # A page is a prompt to go on with, all other forms are turns.
    shown = [
        one if isinstance(one, str) else "\n".join(f"<{t.role}>\n{t.content}" for t in one)
        for one in asked
    ]
    golden(f"judge_{form}", "\n\n----\n\n".join(shown) + "\n")
