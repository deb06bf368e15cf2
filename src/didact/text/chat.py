"""Messages become the string a model reads: the one place where that happens.

A model that brings a chat template uses its own. This module is the named template for base models
without one, with the section markers of Stanford Alpaca (2023), ``### Instruction:``,
``### Input:`` and ``### Response:``, and an introduction in our own words. Ours differs in that it
carries a system turn (in place of the introduction) and any number of turns, and ends every answer
with the tokenizer's end token, so that a tuned model stops by itself.

It exists twice: ``render`` for Python, and ``ALPACA_TEMPLATE``, the same as a Jinja chat template
that is saved with a tuned tokenizer, so that any server renders what the model was trained on. Both
give the same string for the same messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from didact.records import INPUT_MARK, Message

__all__ = ["ALPACA_INTRODUCTION", "ALPACA_TEMPLATE", "render"]

ALPACA_INTRODUCTION = "Here is a task. Write a response that carries it out."

_INSTRUCTION = "\n\n### Instruction:\n"
_INPUT = "\n\n### Input:\n"
_RESPONSE = "\n\n### Response:\n"


def render(
    messages: Sequence[Message],
    *,
    add_generation_prompt: bool = False,
    bos: str = "",
    eos: str = "",
) -> str:
    """The text of a conversation; ``bos`` and ``eos`` are the tokenizer's, "" where it has none."""
    opens_with_system = bool(messages) and messages[0].role == "system"
    parts = [bos, messages[0].content if opens_with_system else ALPACA_INTRODUCTION]
    for message in messages[1:] if opens_with_system else messages:
        if message.role == "user":
            instruction, _, input = message.content.partition(INPUT_MARK)
            parts += [_INSTRUCTION, instruction]
            if input:
                parts += [_INPUT, input]
        elif message.role == "assistant":
            parts += [_RESPONSE, message.content, eos]
        else:
            parts += ["\n\n", message.content]
    if add_generation_prompt:
        parts.append(_RESPONSE)
    return "".join(parts)


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


# Only expressions and {%- -%} tags: no white space of the template itself can reach the text.
ALPACA_TEMPLATE = "\n".join(
    [
        "{%- if bos_token is defined and bos_token %}{{- bos_token }}{% endif %}",
        "{%- if messages and messages[0]['role'] == 'system' %}",
        "{{- messages[0]['content'] }}{% set turns = messages[1:] %}",
        f"{{%- else %}}{{{{- {_literal(ALPACA_INTRODUCTION)} }}}}{{% set turns = messages %}}",
        "{%- endif %}",
        "{%- for message in turns %}",
        "{%- if message['role'] == 'user' %}",
        f"{{%- set parts = message['content'].split({_literal(INPUT_MARK)}, 1) %}}",
        f"{{{{- {_literal(_INSTRUCTION)} + parts[0] }}}}",
        "{%- if parts|length > 1 and parts[1] %}",
        f"{{{{- {_literal(_INPUT)} + parts[1] }}}}",
        "{%- endif %}",
        "{%- elif message['role'] == 'assistant' %}",
        f"{{{{- {_literal(_RESPONSE)} + message['content'] }}}}",
        "{%- if eos_token is defined and eos_token %}{{- eos_token }}{% endif %}",
        "{%- else %}",
        f"{{{{- {_literal(chr(10) * 2)} + message['content'] }}}}",
        "{%- endif %}",
        "{%- endfor %}",
        f"{{%- if add_generation_prompt %}}{{{{- {_literal(_RESPONSE)} }}}}{{% endif %}}",
        "",
    ]
)
