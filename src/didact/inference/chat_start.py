"""What a tokenizer's own chat template writes before a user's text.

Only the tokenizer is read, no weights, and no code that comes with it is run.
"""

from __future__ import annotations

from typing import Any, cast

from didact.errors import ConfigError
from didact.inference.texts import Tokenizer
from didact.text.pre_query import PreQuery, before_user

__all__ = ["chat_start"]


def chat_start(name: str, *, opening: bool) -> PreQuery:
    """The start of a user's turn, with or without the opening token, and what can end the turn.

    ConfigError where the tokenizer cannot be had, or has no template that tells.
    """
    from jinja2 import TemplateError
    from transformers import AutoTokenizer

    try:
        found = cast("Any", AutoTokenizer).from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ConfigError(f"tokenizer {name!r} cannot be loaded: {error}") from error
    tokenizer = cast("Tokenizer", found)
    if tokenizer.chat_template is None:
        raise ConfigError(f"tokenizer {name!r} has no chat template; give the text before a user's")

    def rendered(text: str) -> str:
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=False
        )

    try:
        text = before_user(rendered, opening="" if opening else tokenizer.bos_token or "")
    except (ValueError, TemplateError) as error:
        raise ConfigError(f"tokenizer {name!r}: {error}; give the text before a user's") from error
    return PreQuery(text, tuple(cast("list[str]", found.all_special_tokens)))
