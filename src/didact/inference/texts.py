"""Between text and tokens: decoding that keeps leading spaces, and stop strings across tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from didact.records import JSON

__all__ = ["Texts", "Tokenizer"]


class Tokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    chat_template: str | dict[str, str] | None
    bos_token: str | None
    eos_token: str | None
    bos_token_id: int | None
    eos_token_id: int | None

    def encode(self, text: str, *, add_special_tokens: bool, verbose: bool = ...) -> list[int]:
        """Token ids."""
        ...

    def decode(
        self,
        token_ids: list[int],
        *,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: bool,
    ) -> str:
        """Text."""
        ...

    def apply_chat_template(
        self,
        conversation: list[dict[str, JSON]],
        *,
        tokenize: bool,
        add_generation_prompt: bool,
    ) -> str:
        """Text of a conversation."""
        ...


class Texts:
    """One tokenizer's way from text to tokens and back."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Some tokenizers drop the space before the first token of what they decode. So everything
        # is decoded behind this ordinary token, whose own text is cut off again.
        self._anchor = tokenizer.encode("a", add_special_tokens=False)[-1:]
        self._anchored = len(self._raw(self._anchor))
        self._pieces: dict[int, str] = {}

    def encode(self, text: str, *, special: bool, ends: frozenset[int] = frozenset()) -> list[int]:
        """Token ids; ``special`` adds the tokenizer's opening token, where it has one."""
        ids = self._tokenizer.encode(text, add_special_tokens=special, verbose=False)
        # A tokenizer that closes texts by itself would end the reply before it begins.
        while special and len(ids) > 1 and ids[-1] in ends:
            ids.pop()
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of generated tokens, leading space kept, special tokens left out."""
        return self._raw([*self._anchor, *ids])[self._anchored :]

    def piece(self, token: int) -> str:
        """The text of one token."""
        if token not in self._pieces:
            self._pieces[token] = self.decode([token])
        return self._pieces[token]

    def stopped(self, ids: Sequence[int], stops: Sequence[str]) -> bool:
        """Whether the last token completes one of the stop strings."""
        piece = self.piece(ids[-1])
        # A stop string that ends within this token has its last character here, unless the token
        # is a part of a character. Nearly every step ends at this line, without decoding.
        if "\ufffd" not in piece and not any(stop[-1] in piece for stop in stops):
            return False
        longest = max(len(stop.encode("utf-8", "surrogatepass")) for stop in stops)
        tail = self.decode(ids[-longest - 4 :])  # every token holds a byte or more
        return any(stop in tail for stop in stops)

    def cut(self, ids: Sequence[int], stops: Sequence[str]) -> str:
        """The text up to the first stop string."""
        text = self.decode(ids)
        found = [place for stop in stops if (place := text.find(stop)) >= 0]
        return text[: min(found)] if found else text

    def _raw(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
