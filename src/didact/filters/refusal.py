"""Drop answers that decline the task, talk of the model that wrote them, or hold blanks.

Reason: a model tuned on a teacher's refusals refuses what is harmless. Vicuna (2023) and WizardLM
(Xu et al. 2023, arXiv 2304.12244; in the code of Cherry LLM, 2308.12032) look for fixed phrases
anywhere in the output. Ours looks for a refusal where one stands, at the beginning, knows eight
other languages, and gives each kind its own reason; the patterns are in ``text/refusals.py``.

Cost: no call of a model; a few microseconds an example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from didact.records import Example, Verdict
from didact.text.refusals import Kind, find_evasion

__all__ = ["Refusal"]

_REASONS: dict[Kind, str] = {
    "refusal": "refusal",
    "identity": "speaks as a model",
    "boilerplate": "boilerplate",
    "placeholder": "a blank to fill in",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Drop answers that decline, speak as a model, or hold blanks to fill in."""

    version: ClassVar[str] = "1"

    kinds: tuple[Kind, ...] = ("refusal", "identity", "placeholder")
    """What to drop: `refusal`; `identity`, the answer says that a model wrote it; `placeholder`,
    such as [Your Name]; `boilerplate`, an opening or closing line that says nothing."""
    phrases: tuple[str, ...] = ()
    """Texts of your own that no answer may contain, upper and lower case alike."""

    def check(self, example: Example) -> Verdict:
        """Keep it, or show the words that speak against it."""
        for turn, message in enumerate(example.messages):
            if message.role != "assistant":
                continue
            if found := find_evasion(message.content, kinds=self.kinds):
                span = {"found": found.text[:200], "start": found.start, "message": turn}
                return Verdict(keep=False, reason=_REASONS[found.kind], evidence=span)
            folded = message.content.casefold()
            for phrase in self.phrases:
                if (start := folded.find(phrase.casefold())) >= 0:
                    span = {"found": phrase, "start": start, "message": turn}
                    return Verdict(keep=False, reason="a phrase of yours", evidence=span)
        return Verdict(keep=True)
