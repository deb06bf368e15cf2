"""Chat templates taken apart into strings, and Ollama's Go templates made of them."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2
import pytest

from didact.exports.ollama import go_template, modelfile
from didact.exports.slots import Render, take_apart
from didact.records import Message
from didact.text.chat import ALPACA_TEMPLATE

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n'"
    " }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HELPFUL = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}"
    "{% endif %}" + CHATML
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "{% for m in messages %}{{ '<turn>' + m['role'] + '\n' + m['content'] + '<end>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<turn>assistant\n' }}{% endif %}"
)
COUNTING = "{% for m in messages %}{{ loop.index }}{{ m['content'] }}{% endfor %}"

USER, ANSWER, SYSTEM = Message("user", "Why?"), Message("assistant", "So."), Message("system", "S")
CONVERSATIONS = [[USER], [USER, ANSWER], [USER, ANSWER, USER]]
WITH_SYSTEM = [[SYSTEM, *messages] for messages in CONVERSATIONS]


def renderer(template: str) -> Render:
    def refuse(text: str) -> str:
        raise jinja2.TemplateError(text)

    compiled = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(template)

    def render(messages: Sequence[Message], begin: bool) -> str:
        return compiled.render(
            messages=[message.to_json() for message in messages],
            add_generation_prompt=begin,
            bos_token="<s>",
            eos_token="</s>",
            raise_exception=refuse,
        )

    return render


@pytest.mark.parametrize("template", [ALPACA_TEMPLATE, CHATML, HELPFUL, NO_SYSTEM])
def test_a_template_of_strings_around_turns_is_taken_apart_and_put_together(template: str) -> None:
    render = renderer(template)
    slots = take_apart(render)
    assert slots is not None
    assert slots.differing(CONVERSATIONS, render) == []
    assert slots.has_system == (template is not NO_SYSTEM)
    if slots.has_system:
        assert slots.differing(WITH_SYSTEM, render) == []


def test_a_template_that_is_not_made_so_is_not_taken_apart() -> None:
    assert take_apart(renderer(COUNTING)) is None


def test_what_a_template_does_inside_a_turn_is_found_and_other_words_make_up_for_it() -> None:
    render = renderer(ALPACA_TEMPLATE)
    slots = take_apart(render)
    assert slots is not None
    marked = [Message("user", "Sort.\n\nInput:\nb a"), ANSWER]
    assert slots.differing([[USER], marked], render) == [marked]
    fitted = slots.fitted(marked, render)
    assert fitted is not None
    assert fitted[0].content == "Sort.\n\n### Input:\nb a"
    assert slots.text(fitted, False) == render(marked, False)


def test_the_modelfile_says_the_template_the_stops_and_the_context() -> None:
    """This template was rendered by Go's text/template to what the Jinja one gives."""
    slots = take_apart(renderer(NO_SYSTEM))
    text = modelfile("./m.gguf", slots, stops=["<end>"], bos="<s>", context=512)
    assert text == (
        "FROM ./m.gguf\n"
        'TEMPLATE """{{ range $i, $turn := .Messages }}'
        "{{ $last := eq (len (slice $.Messages $i)) 1 }}"
        '{{ if eq $turn.Role "user" }}<turn>user\n{{ $turn.Content }}<end>\n'
        "{{ if $last }}<turn>assistant\n{{ end }}"
        '{{ else if eq $turn.Role "assistant" }}<turn>assistant\n{{ $turn.Content }}'
        '{{ if not $last }}<end>\n{{ end }}{{ end }}{{ end }}"""\n'
        'PARAMETER stop "<end>"\n'
        "PARAMETER temperature 0\n"
        "PARAMETER num_ctx 512\n"
    )
    default = go_template(take_apart(renderer(HELPFUL)))  # pyright: ignore[reportArgumentType]
    assert default.startswith(
        "<|im_start|>system\n{{ if .System }}{{ .System }}<|im_end|>\n"
        "{{ else }}You help.<|im_end|>\n{{ end }}"
    )


def test_braces_and_quotes_of_a_template_stay_what_they_are() -> None:
    render = renderer("{% for m in messages %}{{ '[{{' + m['role'] + '\"\"\"' + m['content'] + "
                      "']' }}{% endfor %}{% if add_generation_prompt %}{{ '[{{assistant\"\"\"' }}"
                      "{% endif %}")  # fmt: skip
    slots = take_apart(render)
    assert slots is not None
    text = go_template(slots)
    assert '[{{ "{{" }}user{{ "\\"\\"\\"" }}' in text
    assert '"""' not in text
