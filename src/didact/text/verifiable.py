"""Instructions about the form of a reply that a program can check: the 25 types of IFEval.

J. Zhou et al., "Instruction-Following Evaluation for Large Language Models" (2023, arXiv
2311.07911). A type is named as there, ``keywords:existence``, and its arguments are the published
ones. Where the published rules are odd they are kept, since numbers are compared by them: markdown
bullets are counted exactly, a section is a marker with a number, a keyword may stand inside a
longer word, and text in which no language can be told passes as any.

Three rules are ours. A character to count that is no letter is counted; the official program draws
a random letter in its place. Sentences end by rules instead of a learned list of abbreviations. The
language is told by py3langid instead of langdetect; of a few words or names both are unsure, and
they differ there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from didact.text.languages import language_of
from didact.text.sentences import sentences

__all__ = ["CHECKS", "follows", "loosened"]

Check = Callable[[str, Mapping[str, object]], bool]


def follows(kind: str, text: str, arguments: Mapping[str, object]) -> bool:
    """Whether a reply does what the instruction says; an empty one never does.

    KeyError where the type is unknown or an argument is missing.
    """
    return bool(text.strip()) and CHECKS[kind](text, arguments)


def loosened(text: str) -> tuple[str, ...]:
    """The eight readings of the loose criterion: a reply does what any of them does.

    Without the first line, which may be an introduction, without the last, without both; and each
    without asterisks, which may be emphasis.
    """
    lines = text.split("\n")
    cut = (lines[1:], lines[:-1], lines[1:-1])
    shown = (text, *("\n".join(part).strip() for part in cut))
    return (*shown, *(part.replace("*", "") for part in shown))


def _number(arguments: Mapping[str, object], key: str) -> int:
    return int(cast("int", arguments[key]))


def _texts(arguments: Mapping[str, object], key: str) -> Sequence[str]:
    return cast("Sequence[str]", arguments[key])


def _related(count: int, relation: object, number: int) -> bool:
    if relation not in {"less than", "at least"}:
        raise KeyError(f"no relation {relation!r}")
    return count < number if relation == "less than" else count >= number


def _keywords(text: str, arguments: Mapping[str, object]) -> bool:
    words = map(_pattern, _texts(arguments, "keywords"))
    return all(re.search(word, text, re.IGNORECASE) for word in words)


def _pattern(word: str) -> str:
    """The published program takes a keyword for a pattern; one that is none as it is."""
    try:
        re.compile(word)
    except re.error:
        return re.escape(word)
    return word


def _keyword_frequency(text: str, arguments: Mapping[str, object]) -> bool:
    found = re.findall(_pattern(str(arguments["keyword"]).strip()), text, re.IGNORECASE)
    return _related(len(found), arguments["relation"], _number(arguments, "frequency"))


def _forbidden(text: str, arguments: Mapping[str, object]) -> bool:
    words = map(_pattern, _texts(arguments, "forbidden_words"))
    return not any(re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in words)


def _letter_frequency(text: str, arguments: Mapping[str, object]) -> bool:
    count = text.lower().count(str(arguments["letter"]).strip().lower())
    return _related(count, arguments["let_relation"], _number(arguments, "let_frequency"))


def _language(text: str, arguments: Mapping[str, object]) -> bool:
    return language_of(text) in {arguments["language"], "unknown"}


def _capital(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    return text.isupper() and _english(text)


def _lowercase(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    return text.islower() and _english(text)


def _english(text: str) -> bool:
    return language_of(text) in {"en", "unknown"}


def _capital_words(text: str, arguments: Mapping[str, object]) -> bool:
    count = sum(word.isupper() for word in _TOKEN.findall(text))
    return _related(count, arguments["capital_relation"], _number(arguments, "capital_frequency"))


def _repeated(text: str, arguments: Mapping[str, object]) -> bool:
    prompt = str(arguments["prompt_to_repeat"]).strip().lower()
    return text.strip().lower().startswith(prompt)


def _two_responses(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    parts = [part.strip() for part in text.split("******")]
    if not all(parts[1:-1]):
        return False
    said = [part for part in parts if part]
    return len(said) == 2 and said[0] != said[1]


def _placeholders(text: str, arguments: Mapping[str, object]) -> bool:
    return len(re.findall(r"\[.*?\]", text)) >= _number(arguments, "num_placeholders")


def _postscript(text: str, arguments: Mapping[str, object]) -> bool:
    marker = str(arguments["postscript_marker"]).strip()
    pattern = _POSTSCRIPTS.get(marker, _pattern(marker.lower()))
    return bool(re.search(pattern, text.lower()))


def _one_of_three(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    return any(f"My answer is {word}." in text for word in ("yes", "no", "maybe"))


def _json(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    held = text.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        held = held.removeprefix(fence)
    try:
        json.loads(held.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def _sections(text: str, arguments: Mapping[str, object]) -> bool:
    marker = str(arguments["section_spliter"]).strip()
    found = re.findall(rf"{_pattern(marker)}\s?\d+", text)
    return len(found) >= _number(arguments, "num_sections")


def _bullets(text: str, arguments: Mapping[str, object]) -> bool:
    found = re.findall(r"^\s*(?:\*[^*].*|-.*)$", text, re.MULTILINE)
    return len(found) == _number(arguments, "num_bullets")


def _highlights(text: str, arguments: Mapping[str, object]) -> bool:
    single = re.findall(r"\*[^\n*]*\*", text)
    double = re.findall(r"\*\*[^\n*]*\*\*", text)
    count = sum(bool(found.strip("*").strip()) for found in (*single, *double))
    return count >= _number(arguments, "num_highlights")


def _title(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    found = re.findall(r"<<[^\n]+>>", text)
    return any(title.lstrip("<").rstrip(">").strip() for title in found)


def _paragraph_start(text: str, arguments: Mapping[str, object]) -> bool:
    paragraphs = [part.strip() for part in text.split("\n\n")]
    said = sum(map(bool, paragraphs))
    place = _number(arguments, "nth_paragraph")
    # The place counts empty paragraphs, the number does not: as published.
    if said != _number(arguments, "num_paragraphs") or place > said or not paragraphs[place - 1]:
        return False
    first = paragraphs[place - 1].split()[0].lstrip("'").lstrip('"')
    word = re.split(r"[.,?!'\"]", first)[0]
    return word.lower() == str(arguments["first_word"]).lower()


def _paragraphs(text: str, arguments: Mapping[str, object]) -> bool:
    parts = [part.strip() for part in text.split("***")]
    said = [part for part in parts if part]
    return all(parts[1:-1]) and len(said) == _number(arguments, "num_paragraphs")


def _sentences(text: str, arguments: Mapping[str, object]) -> bool:
    return _related(
        len(sentences(text)), arguments["relation"], _number(arguments, "num_sentences")
    )


def _words(text: str, arguments: Mapping[str, object]) -> bool:
    count = len(re.findall(r"\w+", text))
    return _related(count, arguments["relation"], _number(arguments, "num_words"))


def _no_comma(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    return "," not in text


def _ending(text: str, arguments: Mapping[str, object]) -> bool:
    phrase = str(arguments["end_phrase"]).strip().lower()
    return text.strip().strip('"').lower().endswith(phrase)


def _quoted(text: str, arguments: Mapping[str, object]) -> bool:  # noqa: ARG001
    held = text.strip()
    return len(held) > 1 and held[0] == held[-1] == '"'


_TOKEN = re.compile(r"(?:[^\W_]\.){2,}|\w+(?:[-/.&]\w+)*")
"""A word; a hyphenated one is one, and so are initials."""
_POSTSCRIPTS = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}

CHECKS: Mapping[str, Check] = {
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _capital,
    "change_case:english_lowercase": _lowercase,
    "combination:repeat_prompt": _repeated,
    "combination:two_responses": _two_responses,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:constrained_response": _one_of_three,
    "detectable_format:json_format": _json,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:title": _title,
    "keywords:existence": _keywords,
    "keywords:forbidden_words": _forbidden,
    "keywords:frequency": _keyword_frequency,
    "keywords:letter_frequency": _letter_frequency,
    "language:response_language": _language,
    "length_constraints:nth_paragraph_first_word": _paragraph_start,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_words": _words,
    "punctuation:no_comma": _no_comma,
    "startend:end_checker": _ending,
    "startend:quotation": _quoted,
}
"""The types of instruction, as published."""
