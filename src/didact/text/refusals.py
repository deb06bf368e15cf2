# ruff: noqa: RUF001  (patterns in other scripts look like Latin letters in places)
"""What a chat model writes instead of an answer: refusals, talk of itself, pleasantries, blanks.

Vicuna's and WizardLM's clean-ups search the output for about ninety fixed phrases anywhere in it,
so that a story in which somebody says "I cannot" is lost. Ours are patterns in our own words, of
four kinds that can be told apart, and a refusal counts only where the answer begins with it: in
the first sentences, or after a word of excuse. English, and the usual forms in German, French,
Spanish, Portuguese, Italian, Chinese, Japanese and Russian.

Cost: no call of a model; a few microseconds an answer.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["KINDS", "Evasion", "Kind", "find_evasion"]

Kind: TypeAlias = Literal["refusal", "identity", "boilerplate", "placeholder"]
"""``refusal``: the task is declined. ``identity``: the writer says that it is a model, or who made
it. ``boilerplate``: an opening or closing line of a chat that says nothing. ``placeholder``: a
blank that was to be filled in, or filler text."""

KINDS: tuple[Kind, ...] = ("refusal", "identity", "boilerplate", "placeholder")

_OPENING = 300
"""Characters in which a refusal stands, if there is one."""


class Evasion(NamedTuple):
    """What was found."""

    kind: Kind
    text: str
    """The words that matched."""
    start: int
    """Where they begin, in characters."""


def find_evasion(text: str, *, kinds: tuple[Kind, ...] = KINDS) -> Evasion | None:
    """The first of the kinds, in the order given, that stands in the text."""
    # One character for one, so that places stay what they are.
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for kind in kinds:
        found = _PATTERNS[kind].search(plain[:_OPENING] if kind == "refusal" else plain)
        if found is not None:
            return Evasion(kind, found.group().strip(), found.start())
    return None


_NOT = r"(?:can(?:no|'?)t|can not|am (?:not able|unable)|'m (?:not able|unable)|won'?t|will not)"
_DO = (
    r"(?:assist|help|fulfil|comply|complete|continue|provide|answer|generate|create|write|engage"
    r"|participate|support|respond|do (?:that|this)|process|discuss|offer|give|share|produce"
    r"|perform|access|browse|open|see|view|watch|listen|hear)"
)
_START = r"(?:\A|(?<=[.!?\n]))[\s\"'“*]*"
_EXCUSE = (
    r"(?:(?:i'm|i am|we're)?\s*(?:so |very |really |terribly )?(?:sorry|afraid)"
    r"|(?:my )?apologies|i (?:must |have to )?apologi[sz]e|unfortunately|regrettably|i regret)"
)

_REFUSAL = re.compile(
    rf"{_START}(?:{_EXCUSE}[^.!?\n]{{0,80}}?\bi\s?{_NOT}\b"
    rf"|(?:as an ai[^.!?\n]{{0,60}},?\s*)?i\s?{_NOT} (?:\w+ly |to )?{_DO}\b"
    r"(?=[^.!?\n]{0,60}\b(?:that|this|request|you|it|assist|help|task|question|content|information"
    r"|image|video|audio|link|url|file|internet|web)\b)"
    r"|(?:i|we) (?:must|have to) (?:decline|refuse)\b"
    r"|(?:it is|it's|that is|that's|this is) (?:not|in)(?: |-)?(?:appropriate|possible) for"
    r" (?:me|an ai)\b"
    r"|(?:this|the) (?:task|instruction|request|question) (?:cannot|can not|can't|could not) be"
    r" (?:completed|fulfilled|answered|done|carried out|processed)\b)"
    r"|\A\s*(?:es tut mir leid|tut mir leid|leider)\b"
    r"[^.!?\n]{0,60}\b(?:(?:kann|darf) ich|ich (?:kann|darf))\b"
    r"[^.!?\n]{0,60}\bnicht\b"
    r"|\A\s*(?:je suis désolée?|désolée?|malheureusement)\b[^.!?\n]{0,60}\bje ne (?:peux|suis)\b"
    r"|\A\s*(?:lo siento|lamentablemente|me temo)\b[^.!?\n]{0,60}\bno (?:puedo|es posible)\b"
    r"|\A\s*(?:desculpe|sinto muito|infelizmente)\b[^.!?\n]{0,60}\bnão (?:posso|consigo)\b"
    r"|\A\s*(?:mi dispiace|purtroppo)\b[^.!?\n]{0,60}\bnon (?:posso|sono in grado)\b"
    r"|\A\s*(?:很?抱歉|对不起|對不起)[^。！？\n]{0,30}(?:无法|無法|不能)"
    r"|\A\s*(?:申し訳(?:ありません|ございません)|すみません)[^。！？\n]{0,40}(?:できません|できかねます)"
    r"|\A\s*(?:извините|к сожалению)\b[^.!?\n]{0,60}\bне (?:могу|могут)\b",
    re.IGNORECASE,
)

_IDENTITY = re.compile(
    r"\bas an? (?:\w+ )?(?:ai|artificial intelligence|language model|large language model"
    r"|machine learning model|llm|chat ?bot|virtual assistant|digital assistant)\b"
    r"(?: (?:language )?(?:model|assistant|system))?(?=[,.;:]|\s+(?:i|we|my|trained|developed"
    r"|created|it is|it's)\b)"
    r"|\bi(?:'m| am)(?: just| only| merely)? an? (?:\w+ )?(?:ai\b|artificial intelligence"
    r"|language model|large language model|llm\b|chat ?bot|computer program|virtual assistant)"
    r"|\bi(?:'m| am| was) (?:\w+ ){0,2}(?:trained|developed|created|made|built) by"
    r" (?:openai|anthropic|google|meta|microsoft|mistral|alibaba|deepseek|lmsys)\b"
    r"|\bmy (?:knowledge cut-?off|training data (?:only )?(?:goes|ends|includes|has))\b"
    r"|\b(?:als|bin ich ein) (?:ein(?:e)? )?(?:ki-?|sprachmodell|künstliche intelligenz)"
    r"(?:modell|sprachmodell|assistent)?\b"
    r"|\ben tant (?:qu'ia\b|que modèle de langage|qu'intelligence artificielle)"
    r"|\bcomo (?:modelo de (?:lenguaje|linguagem)|una? (?:ia\b|inteligencia artificial))"
    r"|作为(?:一个|一名)?(?:ai|人工智能|语言模型|大?语言模型)|作為(?:一個|一名)?(?:ai|人工智慧|語言模型)"
    r"|(?:ai|人工知能|言語モデル)として"
    r"|\bкак (?:языковая модель|искусственный интеллект)\b",
    re.IGNORECASE,
)

_BOILERPLATE = re.compile(
    r"\A\s*(?:sure(?: thing)?|certainly|of course|absolutely|great question|no problem)\s*[!,.:]"
    r"(?=[^\n]{0,120}(?::|!|\n|\bhere\b))"
    r"|\A\s*(?:here(?:'s| is| are)|below (?:is|are))\b[^\n]{0,120}:\s*\n"
    r"|\b(?:i hope (?:this|that|it) (?:helps|answers|meets)|let me know if (?:you|there)"
    r"|feel free to (?:ask|reach out|let me know)|is there anything else|do you have any (?:other"
    r"|more|further) questions|happy to help(?: you)? (?:further|with anything))\b[^\n]{0,120}\Z",
    re.IGNORECASE,
)

_PLACEHOLDER = re.compile(
    r"(?<![\w\])])\[(?:your|insert|add|enter|recipient|company|client|customer|employer|user|city|state|zip"
    r"|phone|email|e-mail|address|date|name|signature|link|url)\b[^\[\]\n]{0,40}\](?!\()"
    r"|<(?:insert|your|add|enter|fill in)\b[^<>\n]{0,40}>"
    r"|\blorem ipsum dolor\b"
    r"|<no[ _-]?(?:in|out)put>"
    r"|\A\s*\"?n\s*/\s*a\"?\s*\.?\s*\Z"
    r"|\A\s*(?:todo|tbd|xxx+)\b",
    re.IGNORECASE,
)

_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "refusal": _REFUSAL,
    "identity": _IDENTITY,
    "boilerplate": _BOILERPLATE,
    "placeholder": _PLACEHOLDER,
}
