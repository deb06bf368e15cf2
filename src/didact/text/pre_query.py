"""What stands before a user's text in a chat: all that Magpie sends for a model to write the text.

Magpie (Xu et al. 2024, arXiv 2406.08464). Two texts of each family: the one of its chat template,
without the opening token, which servers put before a prompt by themselves; and the one that was
published, with that token, so that many servers give it twice, and elsewhere with a space or a
line break that the template does not have, or without its system block.

The texts are file formats, given as the models' public chat templates have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias, get_args

from didact.records import Message
from didact.text.chat import render

__all__ = ["FAMILIES", "Family", "FamilyName", "PreQuery", "before_user", "read_sampled"]

FamilyName: TypeAlias = Literal[
    "alpaca", "chatml", "deepseek-v2", "gemma", "gemma-2", "llama-2", "llama-3", "mistral",
    "phi-3", "qwen2", "qwen2.5", "yi-1.5",
]  # fmt: skip


class PreQuery(NamedTuple):
    """A text to be continued, and where the continuation ends."""

    text: str
    stops: tuple[str, ...]
    answerer: tuple[str, ...] = ("assistant",)
    """Names of the role that speaks next; a model that runs on writes one of them."""


class Family(NamedTuple):
    """The models that share a chat template."""

    own: PreQuery
    """As the template has it, without the opening token."""
    published: str
    """As Magpie's configurations have it; "" where they have none."""

    def choose(self, *, faithful: bool) -> PreQuery:
        """What is sent in either mode."""
        return self.own._replace(text=self.published) if faithful and self.published else self.own


def before_user(render_user: Callable[[str], str], *, opening: str = "") -> str:
    """What a chat template writes before a user's text, without the opening token.

    ``render_user`` gives the conversation whose only turn is the user's with that text. ValueError
    where the template does not write the text as it is, or writes nothing before it.
    """
    whole = render_user(_SENTINEL)
    before, found, after = whole.partition(_SENTINEL)
    if not found or _SENTINEL in after:
        raise ValueError("the chat template does not write the user's text as it is, once")
    text = before.removeprefix(opening)
    if not text.strip():
        raise ValueError("the chat template writes nothing before the user's text")
    return text


def read_sampled(text: str, answerer: tuple[str, ...] = ()) -> str:
    """The instruction in a continuation, without a role's name on a last line of its own."""
    text = text.strip()
    body, _, last = text.rpartition("\n")
    if last.strip().strip(":") in answerer:
        return body.strip()
    return text


_SENTINEL = "didact7f3a"

_IM = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_IM_USER = "<|im_start|>user\n"
_QWEN = ("Assistant", "assistant")
_PIECES = ("</s>", "<s>", "<unk>")
_PHI = ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")


def _system(text: str) -> str:
    return f"<|im_start|>system\n{text}<|im_end|>\n{_IM_USER}"


_QWEN_25 = _system("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")
_LLAMA_3 = "<|start_header_id|>user<|end_header_id|>\n\n"
_ALPACA = render([Message("user", "")])

FAMILIES: Mapping[FamilyName, Family] = {
    # Base models tuned by didact, and the embedded one.
    "alpaca": Family(PreQuery(_ALPACA, ("\n\n###",), ("### Response",)), ""),
    "chatml": Family(PreQuery(_IM_USER, ("<|im_start|>", "<|im_end|>")), ""),
    "deepseek-v2": Family(
        PreQuery("User: ", ("<｜end▁of▁sentence｜>", "\n\nAssistant:"), ("Assistant",)),  # noqa: RUF001
        "<｜begin▁of▁sentence｜>User: ",  # noqa: RUF001
    ),
    "gemma": Family(
        PreQuery("<start_of_turn>user\n", ("<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")),
        "<bos><start_of_turn>user\n",
    ),
    "gemma-2": Family(
        PreQuery("<start_of_turn>user\n", ("<eos>", "<bos>", "<end_of_turn>")),
        "<bos><start_of_turn>user\n\n",
    ),
    "llama-2": Family(PreQuery("[INST] ", _PIECES), "<s> [INST] "),
    "llama-3": Family(
        PreQuery(
            _LLAMA_3,
            ("<|eot_id|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
        ),
        f"<|begin_of_text|>{_LLAMA_3}",
    ),
    "mistral": Family(PreQuery("[INST] ", ("<s>", "</s>", "[INST]", "[/INST]")), "<s> [INST] "),
    "phi-3": Family(PreQuery("<|user|>\n", (*_PIECES, *_PHI)), "<s> <|user|>\n"),
    "qwen2": Family(PreQuery(_system("You are a helpful assistant."), _IM, _QWEN), _IM_USER),
    "qwen2.5": Family(PreQuery(_QWEN_25, _IM, _QWEN), _QWEN_25),
    "yi-1.5": Family(
        PreQuery(_IM_USER, ("<|startoftext|>", "<|endoftext|>", "<|im_end|>")),
        f"<|startoftext|>{_IM_USER}",
    ),
}
"""Known families; for any other model, its tokenizer tells."""

assert set(FAMILIES) == set(get_args(FamilyName))
