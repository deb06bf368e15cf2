"""Training rows whose loss mask is proved: what is trained is the answer and its stop token.

The masks of public fine-tuning code differ and some are wrong: Alpaca (2023) tokenises prompt and
prompt + answer and trusts their lengths to agree, and padding with the end token while masking by
``ids != pad`` trains a model that never stops. Here prompt and answer are tokenised apart, as they
are at inference, and joined; where a tokenizer cannot join pieces (SentencePiece adds a space to
each), the whole is tokenised once and cut by character offsets. Either way the row is decoded
again: all of it must give the rendered conversation, and the trained part every answer and its stop
token, letter by letter; and what stands before an answer must be the tokens that the same prompt
has at inference, where it is tokenised alone. A row that fails, or is longer than the model's
context, is refused with the reason and never cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol
from unicodedata import normalize

from jinja2 import TemplateError

from didact.records import JSON, Message

__all__ = ["IGNORED", "Refused", "Row", "Tokenizer", "Turn", "masked_row", "stretches", "turns"]

IGNORED = -100
"""The label of a token that is read but not trained, as torch and transformers write it."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer; those of ``transformers`` fit."""

    eos_token: str | None
    eos_token_id: int | None
    all_special_ids: list[int]
    added_tokens_decoder: Mapping[int, Any]

    def __call__(
        self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool = False
    ) -> Mapping[str, list[Any]]:
        """Token ids (``input_ids``), and their spans (``offset_mapping``) where asked for."""
        ...

    def decode(
        self,
        token_ids: Sequence[int],
        *,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: bool,
    ) -> str:
        """The text of tokens."""
        ...

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, JSON]],
        *,
        tokenize: bool,
        add_generation_prompt: bool,
    ) -> str:
        """The conversation as one text."""
        ...


class Turn(NamedTuple):
    """One answer and what is read before it, cut from the rendered conversation."""

    prompt: str
    """Everything since the end of the turn before; read, not trained."""
    answer: str
    stop: str
    stop_id: int


class Row(NamedTuple):
    """One training row: token ids, and labels that are ``IGNORED`` outside the answers."""

    ids: list[int]
    labels: list[int]


class Refused(NamedTuple):
    """A row that is not trained on, and why."""

    reason: str


def masked_row(
    messages: Sequence[Message], tokenizer: Tokenizer, *, max_length: int | None
) -> Row | Refused:
    """The row of a conversation with its mask proved, or why there is none."""
    cut = turns(messages, tokenizer)
    if isinstance(cut, Refused):
        return cut
    try:
        row = _joined(cut, tokenizer)
        proved = _proved(row, cut, tokenizer)
        as_asked = proved and _as_asked(row, cut, tokenizer, joined=True)
        if not as_asked:
            row = _cut_by_offsets(cut, tokenizer)
            proved = _proved(row, cut, tokenizer)
            as_asked = _as_asked(row, cut, tokenizer, joined=False)
    except TypeError:
        # tokenizers' answer to text that is not valid Unicode, such as half of a surrogate pair.
        return Refused("the text cannot be encoded")
    if not proved:
        return Refused("the tokens do not decode to the answer and its stop token")
    if not as_asked:
        return Refused("the prompt has other tokens before its answer than alone")
    if max_length is not None and len(row.ids) > max_length:
        return Refused(f"longer than the context: {len(row.ids)} tokens of {max_length}")
    special = set(tokenizer.all_special_ids)
    trained = [label for label in row.labels if label != IGNORED]
    if sum(label in special for label in trained) > len(cut):
        return Refused("the answer holds a special token")
    return row


def turns(messages: Sequence[Message], tokenizer: Tokenizer) -> list[Turn] | Refused:
    """The rendered conversation, up to its last answer, cut into turns."""
    answers = [index for index, message in enumerate(messages) if message.role == "assistant"]
    if not answers or not all(messages[index].content.strip() for index in answers):
        return Refused("no answer")
    if answers[0] == 0:
        return Refused("no prompt")
    stops = _stops(tokenizer)
    found: list[Turn] = []
    read = 0
    try:
        whole = _render(messages[: answers[-1] + 1], tokenizer)
        for index in answers:
            prompt = _render(messages[:index], tokenizer, add_generation_prompt=True)
            if not whole.startswith(prompt):
                return Refused("the chat template renders the prompt differently with an answer")
            turn = _closed(whole, len(prompt), messages[index].content, stops)
            if turn is None:
                return Refused("the chat template does not close the answer with a stop token")
            answer, stop = turn
            found.append(Turn(whole[read : len(prompt)], answer, stop, stops[stop]))
            read = len(prompt) + len(answer) + len(stop)
    except TemplateError as error:
        return Refused(f"the chat template refuses it: {error}")
    return found


def _render(
    messages: Sequence[Message], tokenizer: Tokenizer, *, add_generation_prompt: bool = False
) -> str:
    return tokenizer.apply_chat_template(
        [message.to_json() for message in messages],
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
    )


def _stops(tokenizer: Tokenizer) -> dict[str, int]:
    """Every token that can close an answer: the end token first, then the special ones."""
    added = tokenizer.added_tokens_decoder.items()
    stops = {str(token): number for number, token in added if token.special}
    if tokenizer.eos_token is not None and tokenizer.eos_token_id is not None:
        stops = {tokenizer.eos_token: tokenizer.eos_token_id, **stops}
    return stops


def _closed(
    whole: str, start: int, content: str, stops: Mapping[str, int]
) -> tuple[str, str] | None:
    """The answer with the white space its template puts around it, and its stop token."""
    body = content.strip()
    begin = whole.find(body, start)
    if begin < 0 or whole[start:begin].strip():
        return None
    end = begin + len(body)
    while end < len(whole) and whole[end].isspace():
        end += 1
    stop = next((stop for stop in stops if whole.startswith(stop, end)), None)
    return None if stop is None else (whole[start:end], stop)


def _joined(cut: Sequence[Turn], tokenizer: Tokenizer) -> Row:
    ids: list[int] = []
    labels: list[int] = []
    for turn in cut:
        prompt = _encode(turn.prompt, tokenizer)
        trained = [*_encode(turn.answer, tokenizer), turn.stop_id]
        ids += prompt + trained
        labels += [IGNORED] * len(prompt) + trained
    return Row(ids, labels)


def _cut_by_offsets(cut: Sequence[Turn], tokenizer: Tokenizer) -> Row:
    """The whole tokenised once; a token across a border stays unlabelled, and fails the proof."""
    text, borders = "", [0]
    for turn in cut:
        borders += [len(text) + len(turn.prompt), len(text) + sum(map(len, turn[:3]))]
        text += "".join(turn[:3])
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = list(encoded["input_ids"])
    labels = [IGNORED] * len(ids)
    spans = list(pairwise(borders))[1::2]
    for position, (start, end) in enumerate(encoded["offset_mapping"]):
        if any(low <= start and end <= high for low, high in spans):
            labels[position] = ids[position]
    return Row(ids, labels)


def _proved(row: Row, cut: Sequence[Turn], tokenizer: Tokenizer) -> bool:
    whole = "".join(turn.prompt + turn.answer + turn.stop for turn in cut)
    trained = "".join(turn.answer + turn.stop for turn in cut)
    decoded = _decode([label for label in row.labels if label != IGNORED], tokenizer)
    # SentencePiece decodes a space at the very start to nothing; inside the whole it is seen.
    alike = _same(decoded, trained) or _same(decoded, trained.removeprefix(" "))
    return alike and _same(_decode(row.ids, tokenizer), whole)


def _as_asked(row: Row, cut: Sequence[Turn], tokenizer: Tokenizer, *, joined: bool) -> bool:
    """Whether every answer follows the tokens that its prompt has when it is asked.

    Compared is what follows the stop token before: the answers of the past may be cut into other
    tokens in a prompt than they were written in.
    """
    spans = stretches(row.labels)
    text, end = "", 0
    for number, (turn, (start, stop)) in enumerate(zip(cut, spans, strict=False)):
        text += turn.prompt
        # The first prompt of a row that was joined is tokenised alone already.
        if number or not joined:
            asked = _encode(text, tokenizer)
            if row.ids[end:start] != (asked[end - start :] if number else asked):
                return False
        text += turn.answer + turn.stop
        end = stop
    return len(spans) == len(cut)


def stretches(labels: Sequence[int]) -> list[tuple[int, int]]:
    """Start and end of every trained stretch of a row."""
    trained = [False, *(label != IGNORED for label in labels), False]
    borders = [place for place, (a, b) in enumerate(pairwise(trained)) if a != b]
    return list(zip(borders[::2], borders[1::2], strict=True))


def _same(decoded: str, text: str) -> bool:
    # Some tokenizers compose characters (NFC) before they encode; nothing else may differ.
    return decoded == text or normalize("NFC", decoded) == normalize("NFC", text)


def _encode(text: str, tokenizer: Tokenizer) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _decode(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
