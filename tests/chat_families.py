"""Chat templates of twelve families, written from their published formats, and what they train.

Each has the shortest Jinja that gives the published text for system, user and assistant turns, the
tokens that its tokenizer adds, and what must be trained of the conversation in ``TALK``.
"""

from __future__ import annotations

from typing import NamedTuple

from didact.records import Message

TALK = [
    Message("user", "Say the opposite of hot."),
    Message("assistant", "cold"),
    Message("user", "And of dry?"),
    Message("assistant", "wet, of course"),
]


class Family(NamedTuple):
    template: str
    tokens: tuple[str, ...]
    eos: str
    bos: str | None
    trained: str
    """What the labels decode to, all of them in a row."""


def _roles(open_: str, close: str, *, user: str = "user", assistant: str = "assistant") -> str:
    names = "{'user': '" + user + "', 'assistant': '" + assistant + "', 'system': 'system'}"
    return (
        "{% set names = " + names + " %}{% for m in messages %}"
        "{{ '" + open_ + "'.replace('ROLE', names[m.role]) + m.content + '" + close + "' }}"
        "{% endfor %}{% if add_generation_prompt %}"
        "{{ '" + open_ + "'.replace('ROLE', names['assistant']) }}{% endif %}"
    )


_LLAMA_2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content }}"
    "{{ ' [/INST]' }}{% elif m.role == 'assistant' %}{{ ' ' + m.content + ' ' + eos_token }}"
    "{% endif %}{% endfor %}"
)
_MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)
_DEEPSEEK = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ 'User: ' + m.content + '\\n\\n' }}{% elif m.role == 'assistant' %}"
    "{{ 'Assistant: ' + m.content + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_COMMAND_R = (
    "{{ bos_token }}{% for m in messages %}{{ '<|START_OF_TURN_TOKEN|>' }}"
    "{{ '<|USER_TOKEN|>' if m.role == 'user' else '<|CHATBOT_TOKEN|>' }}"
    "{{ m.content + '<|END_OF_TURN_TOKEN|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}"
)
_FALCON = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ 'User: ' + m.content + '\\n\\n' }}"
    "{% elif m.role == 'assistant' %}{{ 'Assistant: ' + m.content + eos_token }}"
    "{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_TULU = (
    "{% for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|assistant|>\\n' + m.content + eos_token }}{% if not loop.last %}{{ '\\n' }}{% endif %}"
    "{% else %}{{ '<|' + m.role + '|>\\n' + m.content + '\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
_QWEN = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nBe of help.<|im_end|>\\n' }}"
    "{% endif %}" + _roles("<|im_start|>ROLE\\n", "<|im_end|>\\n")
)

FAMILIES = {
    "llama-2": Family(_LLAMA_2, ("<s>", "</s>"), "</s>", "<s>", " cold </s> wet, of course </s>"),
    "llama-3": Family(
        "{{ bos_token }}"
        + _roles("<|start_header_id|>ROLE<|end_header_id|>\\n\\n", "<|eot_id|>"),
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
         "<|eot_id|>"),
        "<|end_of_text|>", "<|begin_of_text|>", "cold<|eot_id|>wet, of course<|eot_id|>",
    ),
    "mistral": Family(_MISTRAL, ("<s>", "</s>"), "</s>", "<s>", " cold</s> wet, of course</s>"),
    "qwen2.5": Family(
        _QWEN, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>", None,
        "cold<|im_end|>wet, of course<|im_end|>",
    ),
    "gemma": Family(
        "{{ bos_token }}"
        + _roles("<start_of_turn>ROLE\\n", "<end_of_turn>\\n", assistant="model"),
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<eos>", "<bos>",
        "cold<end_of_turn>wet, of course<end_of_turn>",
    ),
    "phi-3": Family(
        _roles("<|ROLE|>\\n", "<|end|>\\n"),
        ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"), "<|endoftext|>",
        None, "cold<|end|>wet, of course<|end|>",
    ),
    "zephyr": Family(
        _roles("<|ROLE|>\\n", "</s>\\n"), ("<s>", "</s>"), "</s>", None,
        "cold</s>wet, of course</s>",
    ),
    "tulu": Family(_TULU, ("<s>", "</s>"), "</s>", None, "cold</s>wet, of course</s>"),
    "deepseek": Family(
        _DEEPSEEK, ("<bos>", "<eos>"), "<eos>", "<bos>", " cold<eos> wet, of course<eos>",
    ),
    "command-r": Family(
        _COMMAND_R,
        ("<BOS_TOKEN>", "<EOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>",
         "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
        "<EOS_TOKEN>", "<BOS_TOKEN>",
        "cold<|END_OF_TURN_TOKEN|>wet, of course<|END_OF_TURN_TOKEN|>",
    ),
    "granite": Family(
        _roles("<|start_of_role|>ROLE<|end_of_role|>", "<|end_of_text|>\\n"),
        ("<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>"), "<|end_of_text|>", None,
        "cold<|end_of_text|>wet, of course<|end_of_text|>",
    ),
    "falcon": Family(
        _FALCON, ("<|endoftext|>",), "<|endoftext|>", None,
        " cold<|endoftext|> wet, of course<|endoftext|>",
    ),
}  # fmt: skip
