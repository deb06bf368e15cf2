"""Which language a text is in, by a model that ships inside a wheel: no download.

py3langid is an optional dependency: ``pip install "didact[text]"``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from didact.errors import ConfigError

__all__ = ["language_of"]

_MOST = 4000
"""Characters looked at: more do not change the answer, and long conversations take long."""


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
