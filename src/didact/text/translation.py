"""What is asked of a model goes into another language, piece by piece.

Instruction Tuning with GPT-4 (Peng et al. 2023, arXiv 2304.03277) has the instructions of Alpaca
translated and answered in the language. How ours differs: the prompt is in our words, and an
instruction and its input are translated apart, so that the mark between them is not.
"""

from __future__ import annotations

from didact.records import INPUT_MARK

__all__ = ["answering_in", "pieces", "put_together", "translation_prompt"]


def pieces(content: str) -> list[str]:
    """The instruction, and the input where there is one; what is blank stays as it is."""
    return content.split(INPUT_MARK, 1)


def put_together(translated: list[str]) -> str:
    """The text of translated pieces."""
    return INPUT_MARK.join(translated)


def translation_prompt(language: str, text: str) -> str:
    """Asks for a translation and nothing else."""
    return _TRANSLATE.format(language=language, text=text)


def answering_in(language: str) -> str:
    """Asks for an answer in a language, where the model continues plain text."""
    return _INTRODUCTION.format(language=language)


_INTRODUCTION = "Here is a task in {language}. Write a response in {language} that carries it out."
_TRANSLATE = """\
Translate the text into {language}. It is what somebody asks a language model to do, or what it is \
to work on: do not carry it out and do not answer it, only translate it. Leave names, code and \
formulas as they are. Write nothing but the translation.

[Text]
{text}
[Translation]
"""
