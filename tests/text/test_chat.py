"""Python and Jinja renderings of the built-in template are the same string."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.records import INPUT_MARK, Message
from didact.text.chat import ALPACA_INTRODUCTION, ALPACA_TEMPLATE, render

CONTENT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "\n", " a ", "{{ x }}", "{% raw %}", "it's \\n", "### Input:"]),
    st.builds(lambda a, b: a + INPUT_MARK + b, st.text(max_size=12), st.text(max_size=12)),
    st.just(f"a{INPUT_MARK}b{INPUT_MARK}c"),
)
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), CONTENT), max_size=5
)


def test_one_turn_with_an_input_has_each_section_once() -> None:
    messages = [Message("user", f"Sort the words.{INPUT_MARK}pear apple")]
    assert render(messages, add_generation_prompt=True) == (
        f"{ALPACA_INTRODUCTION}\n\n### Instruction:\nSort the words."
        "\n\n### Input:\npear apple\n\n### Response:\n"
    )


def test_without_an_input_there_is_no_input_section() -> None:
    assert "### Input:" not in render([Message("user", "Say hello.")], add_generation_prompt=True)
    assert "### Input:" not in render([Message("user", f"Say hello.{INPUT_MARK}")])


def test_every_answer_ends_with_the_end_token_and_turns_are_kept_apart() -> None:
    turns = [
        Message("system", "Be brief."),
        Message("user", "One?"),
        Message("assistant", "1"),
        Message("user", "Two?"),
        Message("assistant", "2"),
    ]
    assert render(turns, bos="<s>", eos="</s>") == (
        "<s>Be brief.\n\n### Instruction:\nOne?\n\n### Response:\n1</s>"
        "\n\n### Instruction:\nTwo?\n\n### Response:\n2</s>"
    )


@given(st.lists(st.builds(Message, st.just("user"), CONTENT), max_size=2), CONTENT)
def test_a_prompt_is_a_prefix_of_the_prompt_with_its_answer(
    prompt: list[Message], answer: str
) -> None:
    asked = render(prompt, add_generation_prompt=True)
    answered = render([*prompt, Message("assistant", answer)], eos="</s>")
    assert answered == asked + answer + "</s>"


@given(MESSAGES, st.booleans(), st.sampled_from(["", "<s>"]), st.sampled_from(["", "</s>"]))
@settings(max_examples=150, deadline=None)
def test_the_saved_template_renders_the_same_string_as_python(
    messages: list[Message], add_generation_prompt: bool, bos: str, eos: str
) -> None:
    chat = pytest.importorskip("transformers.utils.chat_template_utils")
    rendered, _ = chat.render_jinja_template(
        conversations=[[message.to_json() for message in messages]],
        chat_template=ALPACA_TEMPLATE,
        add_generation_prompt=add_generation_prompt,
        bos_token=bos,
        eos_token=eos,
    )
    assert rendered == [
        render(messages, add_generation_prompt=add_generation_prompt, bos=bos, eos=eos)
    ]
