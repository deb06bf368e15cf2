"""What an instruction asks to do: its verb and the noun it acts on, in base form.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560, figure 2) shows the variety of its data as a
wheel of root verbs and their direct objects, found with a constituency parser (benepar). Ours uses
TextBlob's pattern tagger, whose lexicon comes in its wheel: the first verb of the first sentence,
then the head of the noun phrase right after it. Instructions without such an object (questions
with "to be", "Classify whether ...") have no pair; the paper too finds one in about half of its
data. The lexicon is English: other languages have none.

Cost: no calls; 0.1 ms an instruction. Needs the extra ``text``.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple, cast

__all__ = ["VerbNoun", "verb_noun", "verb_noun_counts"]


class VerbNoun(NamedTuple):
    """A verb and the head noun of its object, both in base form."""

    verb: str
    noun: str


class _Token(NamedTuple):
    word: str
    tag: str


def verb_noun(instruction: str) -> VerbNoun | None:
    """The pair of the first sentence, or None where no verb has an object right after it."""
    tokens = _tagged(instruction)
    for position in _clauses(tokens):
        verb = _verb(tokens, position)
        if verb is not None:
            noun = _object(tokens[verb + 1 :])
            return VerbNoun(_verb_lemma(tokens[verb]), noun) if noun else None
    return None


def verb_noun_counts(instructions: Iterable[str]) -> Counter[VerbNoun]:
    """How often each pair occurs; instructions without one are left out."""
    return Counter(pair for text in instructions if (pair := verb_noun(text)) is not None)


def _clauses(tokens: Sequence[_Token]) -> list[int]:
    """Where a verb may stand: at the start, and after the comma of "Given ..., find ..."."""
    if tokens and tokens[0].tag in {"VBN", "VBG", "IN", "TO"}:
        return [i + 1 for i, token in enumerate(tokens) if token.tag == ","]
    return [0]


def _verb(tokens: Sequence[_Token], start: int) -> int | None:
    """Position of the first full verb from ``start``, unless it is a form of "to be"."""
    while start < len(tokens) and tokens[start].word in _POLITE:
        start += 1
    for position in range(start, len(tokens)):
        token = tokens[position]
        if position == start and _imperative(tokens, position):
            return position
        if token.word in _TO_BE:
            return None
        if token.tag in _VERB_TAGS and token.word not in _AUXILIARY:
            return position
    return None


def _imperative(tokens: Sequence[_Token], position: int) -> bool:
    """Whether a word the tagger takes for a noun or adjective opens a command: "Sort the words"."""
    token = tokens[position]
    if token.tag not in {"NN", "NNP", "JJ", "RB"} or position + 1 == len(tokens):
        return False
    following = tokens[position + 1].tag
    if following in {"DT", "CD", "PRP", "PRP$"}:
        return True
    return token.word in _NOUN_VERBS and following in {"NN", "NNS", "NNP", "JJ"}


def _object(tokens: Sequence[_Token]) -> str | None:
    """The head of the noun phrase these tokens begin with."""
    head: _Token | None = None
    after = ""
    for token in tokens:
        if token.tag in {"NN", "NNS"}:
            head = token
        elif head is not None and token.tag == "POS":
            head = None
        elif head is not None or not _before_noun(token, after):
            break
        after = token.tag
    return _noun_lemma(head) if head else None


def _before_noun(token: _Token, after: str) -> bool:
    """Whether the phrase goes on; in "a cover letter" the tagger sees a verb after the article."""
    if token.tag in {"VB", "VBP", "VBZ"}:
        return after in {"DT", "VB", "VBP"}
    return token.tag in _BEFORE_NOUN or token.word in _PARTICLES


def _noun_lemma(token: _Token) -> str:
    if token.tag == "NN" or token.word in _PLURAL_ONLY or token.word.endswith(("us", "ss")):
        return token.word
    return _tools().singular(token.word)


def _verb_lemma(token: _Token) -> str:
    """The base form, where the lexicon knows one as a verb; else the word."""
    for ending, replacements in _ENDINGS:
        if token.tag in {"VBZ", "VBD", "VBG", "VBN"} and token.word.endswith(ending):
            stem = token.word.removesuffix(ending)
            for replacement in replacements:
                if _tools().tag(stem + replacement) in {"VB", "VBP"}:
                    return stem + replacement
    return token.word


class _Tools(NamedTuple):
    parse: Callable[[str], str]
    singular: Callable[[str], str]
    tag: Callable[[str], str | None]


@cache
def _tools() -> _Tools:
    # The pattern parser itself: TextBlob's default path wants corpora to be downloaded.
    from textblob.en import lexicon, parse  # pyright: ignore
    from textblob.en.inflect import singularize  # pyright: ignore

    # It reads its lexicon at the first word, and leaves the file for Python to close.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        lexicon.get("a")  # pyright: ignore
        parse("A word.")

    def tag(word: str) -> str | None:
        return cast("str | None", lexicon.get(word))  # pyright: ignore

    return _Tools(
        cast("Callable[[str], str]", parse), cast("Callable[[str], str]", singularize), tag
    )


def _tagged(instruction: str) -> list[_Token]:
    text = " ".join(instruction.split())
    # The tagger takes slashes for its own separators.
    first = re.split(r"(?<=[.!?])\s", text.replace("/", " "), maxsplit=1)[0]
    tagged = str(_tools().parse(first))
    pieces = [piece.split("/") for piece in str.split(tagged)]
    return [_Token(piece[0].lower(), piece[1]) for piece in pieces if len(piece) > 1]


_VERB_TAGS = frozenset({"VB", "VBP", "VBZ", "VBD", "VBG", "VBN"})
_TO_BE = frozenset({"is", "am", "are", "was", "were", "be", "been", "'s", "'re"})
_AUXILIARY = frozenset(
    {"do", "does", "did", "have", "has", "had", "can", "could", "will", "would", "should", "may"}
    | {"following", "given", "want", "need", "help", "let"}
)
_POLITE = frozenset({"please", "now", "then", "first", "next", "kindly", ","})
_BEFORE_NOUN = frozenset(
    {"DT", "JJ", "JJR", "JJS", "CD", "PRP", "PRP$", "RB", "VBG", "VBN", "POS", "NNP"}
)
_PARTICLES = frozenset({"out", "up", "down", "off", "all", '"', "``", "''"})
_PLURAL_ONLY = frozenset({"data", "news", "series", "species", "lyrics", "pros", "cons"})
_NOUN_VERB_LINES = (
    "answer arrange award change check class close combine complete convert correct count design",
    "detail draft estimate explain group label link list mark match name number order outline",
    "paraphrase picture plan rank rate report research review sample schedule sequence sort state",
    "study summary title translate turn use word",
)
_NOUN_VERBS = frozenset(word for line in _NOUN_VERB_LINES for word in line.split())
_ENDINGS = (
    ("ies", ("y",)),
    ("ied", ("y",)),
    ("es", ("", "e")),
    ("s", ("",)),
    ("ing", ("", "e")),
    ("ed", ("", "e")),
)
