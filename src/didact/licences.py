"""May I release a model trained on this? The terms that the examples of a data set are under.

Every source writes ``meta.licence`` and ``meta.generator`` on its records; a recipe's examples were
written by the models that were asked. This lists both with what they mean for a model tuned on the
data. It tells terms, it is no legal advice: whether a licence of data binds a model trained on it
is not settled, so the answer states the strictest reading.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from didact.records import JSON, Example

__all__ = ["OWN", "Terms", "provider_terms", "terms", "terms_lines"]

Use: TypeAlias = Literal["open", "attribution", "share-alike", "non-commercial", "unclear"]

OWN = "didact"
"""Who wrote what comes with didact, and what its embedded model writes: all of it Apache-2.0."""
_STRICTER: Mapping[Use, int] = {
    "open": 0,
    "attribution": 1,
    "share-alike": 2,
    "unclear": 3,
    "non-commercial": 4,
}
_LICENCES: tuple[tuple[str, Use, str], ...] = (
    (r"\bnc\b|non-?commercial|research only", "non-commercial", "not for commercial use"),
    (
        r"\bsa\b|share-?alike|gpl|odbl",
        "share-alike",
        "name the authors; what is made from it under the same licence",
    ),
    (r"underlying|keep their own|vary|varies", "unclear", "the texts underneath have own terms"),
    (r"cc[ -]?0|public domain|unlicense", "open", "no conditions"),
    (r"cc[ -]by|odc-by", "attribution", "name the authors"),
    (r"apache|\bmit\b|bsd|isc", "open", "keep the notice of licence and authors"),
)
"""What a licence's name says, the first that fits."""
_PROVIDERS: tuple[tuple[str, str, str], ...] = (
    (
        r"gpt-?[345]|davinci|curie|chatgpt|openai|\bo[134]\b",
        "OpenAI",
        "not to build models that compete",
    ),
    (r"claude|anthropic", "Anthropic", "not to build models that compete"),
    (r"gemini|palm|\bbard\b", "Google", "not to build models that compete"),
    (r"command-r|cohere", "Cohere", "not to build models that compete"),
    (r"llama-?2|llama-?3(?!\.[1-9])", "Meta", "not to improve other models than Llama"),
    (
        r"llama",
        "Meta",
        "the Llama licence goes along, with `Llama` in the name of a model tuned on the output",
    ),
    (r"gemma", "Google", "Gemma's terms of use go along"),
)
"""Whose terms the output of a model is under, by its name, and what they ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What some examples of a data set are under."""

    source: str
    """The recipe or source that gave them, ``(seed)`` added where they were only shown."""
    licence: str
    """As the records state it; "" where they do not."""
    generator: str
    """Who wrote them; "" where that is not stated."""
    count: int
    use: Use
    """What the licence allows, and what the terms of who wrote it do."""
    meaning: str
    """The same in words."""

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "source": self.source,
            "licence": self.licence,
            "generator": self.generator,
            "count": self.count,
            "use": self.use,
            "meaning": self.meaning,
        }


def provider_terms(generator: str) -> str:
    """What the provider of a model asks of those who use its output; "" where none is known."""
    name = generator.lower()
    for pattern, provider, asks in _PROVIDERS:
        if re.search(pattern, name):
            return f"{provider}'s terms: {asks}"
    return ""


def terms(
    examples: Iterable[Example],
    *,
    seeds: Iterable[Example] = (),
    models: Iterable[str] = (),
) -> tuple[Terms, ...]:
    """The terms of a data set, the strictest first; ``models`` names who answered its recipes."""
    asked = ", ".join(sorted(set(models)))
    counts: Counter[tuple[str, str, str]] = Counter()
    for example in examples:
        counts[_key(example, asked)] += 1
    for seed in seeds:
        source, licence, generator = _key(seed, "")
        counts[f"{source} (seed)", licence, generator] += 1
    found = [_terms(*key, count) for key, count in counts.items()]
    return tuple(sorted(found, key=lambda t: (-_STRICTER[t.use], -t.count, t.source)))


def _key(example: Example, asked: str) -> tuple[str, str, str]:
    licence, generator = (example.meta.get(key) or "" for key in ("licence", "generator"))
    if not licence:
        licence = example.meta.get("license") or ""
    if example.origin.calls:
        generator = generator or asked or "a model"
    elif example.origin.recipe == "microworld":
        generator = generator or OWN
    if generator == OWN:
        licence = licence or "Apache-2.0"
    return example.origin.recipe, str(licence), str(generator)


def _terms(source: str, licence: str, generator: str, count: int) -> Terms:
    use: Use = "unclear"
    words: list[str] = []
    name = licence.lower()
    for pattern, found, meaning in _LICENCES:
        if name and re.search(pattern, name):
            use = found
            words.append(meaning)
            break
    else:
        made = bool(generator) and generator not in {"human", OWN}
        if not licence and made and not provider_terms(generator):
            words.append(f"see the licence of {generator}, which wrote it")
        elif licence:
            words.append("a licence that is not known here: read it")
        else:
            words.append("no licence is stated")
    if provider := provider_terms(generator):
        words.append(provider)
        if _STRICTER[use] < _STRICTER["unclear"]:
            use = "unclear"
    return Terms(
        source=source,
        licence=licence,
        generator=generator,
        count=count,
        use=use,
        meaning="; ".join(words),
    )


def terms_lines(found: Iterable[Terms]) -> list[str]:
    """The question, the answer and every line it rests on."""
    found = list(found)
    if not found:
        return []
    worst = max(found, key=lambda t: _STRICTER[t.use]).use
    lines = [f"terms     may a model trained on this be released? {_ANSWERS[worst]}"]
    if worst == "unclear":
        lines[0] += f" ({sum(t.count for t in found if t.use == 'unclear'):,} records)"
    for one in found:
        licence = one.licence or "licence not stated"
        by = f", written by {one.generator}" if one.generator else ""
        lines.append(f"{'':<9} {one.count:>8,}  {one.source}: {licence}{by}: {one.meaning}")
    lines.append(f"{'':<9} what the records state; no legal advice")
    return lines


_ANSWERS: Mapping[Use, str] = {
    "open": "yes, with the notices kept",
    "attribution": "yes, naming the authors of the data",
    "share-alike": "yes, naming the authors; ask whether share-alike reaches your weights",
    "unclear": "not before the open terms below are settled",
    "non-commercial": "not for commercial use",
}
