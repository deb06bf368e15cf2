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
    turns = ["\n".join(f"<{turn.role}>\n{turn.content}" for turn in one) for one in asked]
    golden(f"judge_{form}", "\n\n----\n\n".join(turns) + "\n")
