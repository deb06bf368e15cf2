"""Chat templates by name, for base models that bring none; they are saved with the tuned tokenizer.

Structure, markers and separators are those of the published systems, to the character, because a
space too many after ``### Response:`` is another prompt; introductions are in our words. Each goes
on to any number of turns, which some of the originals do not: the markers simply come again.

- ``didact``: that of ``didact.text.chat``, the default; the answer stands on a line of its own.
- ``alpaca`` (Stanford Alpaca 2023): nothing after ``### Response:``, neither space nor line break.
- ``qlora`` (QLoRA 2023, its Alpaca format): the same with one space after ``### Response:``.
- ``vicuna`` (Vicuna 1.1, 2023): ``USER:`` and ``ASSISTANT:``, a space between, the end token after.
- ``chatml``: ``<|im_start|>`` and ``<|im_end|>``; both become tokens where they are none.
- ``dolly`` (Dolly 2.0, 2023): ``### End`` closes an answer; its three markers become tokens.
- ``tk-instruct`` (Super-NaturalInstructions 2022): definition, input, ``Output: `` with a space.
- ``self-instruct`` (2022): ``Output:`` without a space, and the answer begins with one.
- ``plain``: instruction, input, answer, with blank lines between; no marker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from didact.text.chat import ALPACA_TEMPLATE

__all__ = ["TEMPLATES", "Template", "TemplateName"]

TemplateName: TypeAlias = Literal[
    "auto", "didact", "alpaca", "qlora", "vicuna", "chatml", "dolly", "tk-instruct",
    "self-instruct", "plain",
]  # fmt: skip


class Template(NamedTuple):
    """A chat template for a tokenizer that has none."""

    jinja: str
    tokens: tuple[str, ...] = ()
    """Markers that must be one token each; added where the tokenizer does not have them."""
    own_stop: bool = False
    """Whether the last of these closes an answer, in place of the tokenizer's end token."""


# Only expressions and {%- -%} tags follow: no white space of a template reaches the text.
_BOS = "{%- if bos_token is defined and bos_token %}{{- bos_token }}{% endif %}"
_EOS = "{%- if eos_token is defined and eos_token %}{{- eos_token }}{% endif %}"
_SPLIT = "{%- set parts = message['content'].split('\\n\\nInput:\\n', 1) %}"
_GIVEN = "parts|length > 1 and parts[1]"
_TURNS = (
    "{%- if messages and messages[0]['role'] == 'system' %}"
    "{%- set system = messages[0]['content'] %}{%- set turns = messages[1:] %}"
    "{%- else %}{%- set system = '' %}{%- set turns = messages %}{%- endif %}"
)
_FIRST = (
    "{%- set first = (turns|selectattr('role', 'equalto', 'user')|map(attribute='content')"
    "|list + [''])[0] %}"
)

_TASK = "Here is a task. Write a response that carries it out."
_TASK_WITH_INPUT = (
    "Here is a task, and an input that it is about. Write a response that carries it out."
)
_ASSISTANT = (
    "A person talks to an AI assistant. The assistant answers helpfully, in detail and politely."
)


def _loop(user: str, assistant: str, prompt: str, other: str = "message['content']") -> str:
    return (
        "{%- for message in turns %}"
        "{%- if message['role'] == 'user' %}" + user + "{%- elif message['role'] == 'assistant' %}"
        "" + assistant + "{%- else %}{{- " + other + " }}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}" + prompt + "{%- endif %}"
    )


def _alpaca(space: str) -> str:
    return (
        _BOS + _TURNS + _FIRST + "{%- if system %}{{- system }}"
        "{%- elif '\\n\\nInput:\\n' in first %}{{- '" + _TASK_WITH_INPUT + "' }}"
        "{%- else %}{{- '"
        + _TASK
        + "' }}{%- endif %}"
        + _loop(
            _SPLIT + "{{- '\\n\\n### Instruction:\\n' + parts[0] }}"
            "{%- if " + _GIVEN + " %}{{- '\\n\\n### Input:\\n' + parts[1] }}{%- endif %}",
            "{{- '\\n\\n### Response:" + space + "' + message['content'] }}" + _EOS,
            "{{- '\\n\\n### Response:" + space + "' }}",
            "'\\n\\n' + message['content']",
        )
    )


_VICUNA = (
    _BOS + _TURNS + "{{- (system or '" + _ASSISTANT + "') + ' ' }}"
    + _loop(
        "{{- 'USER: ' + message['content'] + ' ' }}",
        "{{- 'ASSISTANT: ' + message['content'] }}" + _EOS,
        "{{- 'ASSISTANT:' }}",
    )
)  # fmt: skip

_CHATML = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

_DOLLY = (
    _BOS + _TURNS + "{{- system or '" + _TASK + "' }}"
    + _loop(
        _SPLIT + "{{- '\\n\\n### Instruction:\\n' + parts[0] }}"
        "{%- if " + _GIVEN + " %}{{- '\\n\\nInput:\\n' + parts[1] }}{%- endif %}",
        "{{- '\\n\\n### Response:\\n' + message['content'] + '\\n\\n### End' }}",
        "{{- '\\n\\n### Response:\\n' }}",
        "'\\n\\n' + message['content']",
    )
)  # fmt: skip

# "A full stop is added where the text does not end in punctuation."
_STOPPED = (
    "{%- macro stopped(text) %}{{- text }}"
    "{%- if text and text[-1] not in '!\"#$%&\\'()*+,-./:;<=>?@[\\\\]^_`{|}~' %}.{% endif %}"
    "{%- endmacro %}"
)
_TK_INSTRUCT = (
    _STOPPED + _BOS + _TURNS + "{%- if system %}{{- system + '\\n\\n' }}{%- endif %}"
    + _loop(
        "{%- if not loop.first %}{{- '\\n\\n' }}{%- endif %}" + _SPLIT
        + "{{- 'Definition: ' + stopped(parts[0]|trim)"
        " + '\\n\\nNow complete the following example -\\nInput: ' }}"
        "{%- if " + _GIVEN + " %}{{- stopped(parts[1]|trim) }}{%- endif %}",
        "{{- '\\nOutput: ' + message['content'] }}" + _EOS,
        "{{- '\\nOutput: ' }}",
    )
)  # fmt: skip

_SELF_INSTRUCT = (
    _BOS + _TURNS + "{%- if system %}{{- system + '\\n\\n' }}{%- endif %}"
    + _loop(
        "{%- if not loop.first %}{{- '\\n\\n' }}{%- endif %}" + _SPLIT + "{{- parts[0] }}"
        "{%- if " + _GIVEN + " %}{{- '\\n\\nInput: ' + parts[1] }}{%- endif %}",
        "{{- '\\n\\nOutput: ' + message['content'] }}" + _EOS,
        "{{- '\\n\\nOutput:' }}",
    )
)  # fmt: skip

_PLAIN = (
    _BOS + _TURNS + "{%- if system %}{{- system + '\\n\\n' }}{%- endif %}"
    + _loop(
        "{%- if not loop.first %}{{- '\\n\\n' }}{%- endif %}" + _SPLIT + "{{- parts[0] }}"
        "{%- if " + _GIVEN + " %}{{- '\\n\\n' + parts[1] }}{%- endif %}",
        "{{- '\\n\\n' + message['content'] }}" + _EOS,
        "{{- '\\n\\n' }}",
    )
)  # fmt: skip

TEMPLATES: Mapping[str, Template] = {
    "didact": Template(ALPACA_TEMPLATE),
    "alpaca": Template(_alpaca("")),
    "qlora": Template(_alpaca(" ")),
    "vicuna": Template(_VICUNA),
    "chatml": Template(_CHATML, ("<|im_start|>", "<|im_end|>"), own_stop=True),
    "dolly": Template(_DOLLY, ("### Instruction:", "### Response:\n", "### End"), own_stop=True),
    "tk-instruct": Template(_TK_INSTRUCT),
    "self-instruct": Template(_SELF_INSTRUCT),
    "plain": Template(_PLAIN),
}
"""Every template by its name, the default first."""
