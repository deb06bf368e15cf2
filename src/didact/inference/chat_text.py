"""What messages become for a local model: its own chat template, or the alpaca markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from didact.errors import ModelError
from didact.inference.weights import Loaded
from didact.records import Message
from didact.text.chat import render

__all__ = ["Template", "chat_text"]

Template = Literal["auto", "alpaca"]


def chat_text(loaded: Loaded, messages: Sequence[Message], template: Template = "auto") -> str:
    """The text before the answer; ModelError where the model's template refuses the messages."""
    from jinja2 import TemplateError

    tokenizer = loaded.tokenizer
    if template == "alpaca" or tokenizer.chat_template is None:
        return render(
            messages,
            add_generation_prompt=True,
            bos=tokenizer.bos_token or "",
            eos=tokenizer.eos_token or "",
        )
    try:
        return tokenizer.apply_chat_template(
            [message.to_json() for message in messages],
            tokenize=False,
            add_generation_prompt=True,
        )
    except TemplateError as error:
        raise ModelError(f"the model's chat template refuses the messages: {error}") from error
