"""Which language a text is in, by a model that ships inside a wheel: no download.

py3langid is an optional dependency: ``pip install "didact[text]"``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from didact.errors import ConfigError

__all__ = ["Language", "language_of", "likeliest_language"]

_MOST = 4000
"""Characters looked at: more do not change the answer, and long conversations take long."""


class Language(NamedTuple):
    """A guess."""

    code: str
    """ISO 639-1; ``unknown`` where there are no letters."""
    likelihood: float
    """Among the languages the model knows, from 0 to 1."""


def likeliest_language(text: str) -> Language:
    """The likeliest language and how likely it is."""
    if not any(character.isalpha() for character in text[:_MOST]):
        return Language("unknown", 0.0)
    code, likelihood = _weighing().classify(text[:_MOST])
    return Language(str(code), float(likelihood))


def language_of(text: str) -> str:
    """The ISO 639-1 code of the likeliest language; ``unknown`` where there are no letters."""
    if not any(character.isalpha() for character in text[:_MOST]):
        return "unknown"
    return str(_identifier().classify(text[:_MOST])[0])


@cache
def _identifier() -> Any:  # noqa: ANN401  (the package has no types)
    try:
        import py3langid  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise ConfigError(
            'telling languages apart needs py3langid: pip install "didact[text]"'
        ) from error
    return py3langid


@cache
def _weighing() -> Any:  # noqa: ANN401
    _identifier()  # tells how to install it
    from py3langid import langid  # pyright: ignore[reportMissingTypeStubs]

    found: Any = langid
    return found.LanguageIdentifier.from_model_file(found.MODEL_FILE, norm_probs=True)
