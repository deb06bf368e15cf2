"""What stands before a user's text: the table, any chat template, and what a model runs on to."""

import pytest

from didact.errors import ConfigError
from didact.inference.chat_start import chat_start
from didact.models.embedded import Embedded
from didact.records import Message
from didact.text.chat import ALPACA_TEMPLATE, render
from didact.text.pre_query import FAMILIES, before_user, read_sampled

LLAMA_3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
)
QWEN_25 = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are Qwen, created by Alibaba "
    "Cloud. You are a helpful assistant.<|im_end|>\n{% endif %}{% for m in messages %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
)


def rendering(template):
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # transformers renders chat templates with these two.
    options = {"trim_blocks": True, "lstrip_blocks": True}
    compiled = ImmutableSandboxedEnvironment(**options).from_string(template)
    return lambda text: compiled.render(
        messages=[{"role": "user", "content": text}], bos_token="<BOS>"
    )


def test_the_published_texts_are_those_of_the_configurations():
    """methods.md 17.7 (1): Llama-3 and Qwen2.5, to the character."""
    header = "<|start_header_id|>user<|end_header_id|>\n\n"
    assert FAMILIES["llama-3"].choose(faithful=True).text == "<|begin_of_text|>" + header
    qwen = FAMILIES["qwen2.5"].choose(faithful=True).text
    assert qwen.startswith("<|im_start|>system\n")
    assert qwen.endswith("<|im_end|>\n<|im_start|>user\n")


@pytest.mark.parametrize(
    ("family", "template"), [("llama-3", LLAMA_3), ("gemma", GEMMA), ("qwen2.5", QWEN_25)]
)
def test_a_chat_template_tells_what_the_table_says(family, template):
    own = FAMILIES[family].choose(faithful=False).text
    assert before_user(rendering(template), opening="<BOS>") == own


@pytest.mark.parametrize("family", FAMILIES)
def test_no_text_begins_with_an_opening_token_or_holds_one_of_its_stops(family):
    own = FAMILIES[family].own
    assert not own.text.startswith(("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>"))
    assert own.text.strip()
    assert own.stops
    assert len(set(own.stops)) == len(own.stops)


def test_alpaca_is_the_template_of_models_without_one():
    text = FAMILIES["alpaca"].own.text
    assert render([Message("user", "Sing.")]) == text + "Sing."
    assert before_user(rendering(ALPACA_TEMPLATE), opening="<BOS>") == text


@pytest.mark.parametrize(
    "template", ["", "{{ messages[0].content }}", "{{ messages }}{{ messages }}"]
)
def test_templates_that_do_not_tell_are_refused(template):
    with pytest.raises(ValueError, match="user's text"):
        before_user(rendering(template))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (" Sing. \n", "Sing."),
        ("Sing.\nassistant", "Sing."),
        ("Sing.\n\n assistant:\n", "Sing."),
        ("Be my assistant", "Be my assistant"),
        ("assistant", ""),
        ("", ""),
    ],
)
def test_a_role_that_was_run_on_to_is_not_of_the_instruction(text, read):
    """methods.md 17.7: stop and strip."""
    assert read_sampled(text, ("assistant",)) == read
    assert read_sampled(text) == text.strip()


@pytest.mark.slow
def test_a_tokenizer_tells_its_start_and_its_stops(tmp_path):
    from transformers import AutoTokenizer

    with pytest.raises(ConfigError, match="has no chat template"):
        chat_start(str(Embedded.directory()), opening=False)
    tokenizer = AutoTokenizer.from_pretrained(Embedded.directory())
    tokenizer.chat_template = ALPACA_TEMPLATE
    tokenizer.save_pretrained(tmp_path)
    found = chat_start(str(tmp_path), opening=False)
    assert found.text == FAMILIES["alpaca"].own.text
    assert tokenizer.eos_token in found.stops
    with pytest.raises(ConfigError, match="cannot be loaded"):
        chat_start(str(tmp_path / "none"), opening=False)
