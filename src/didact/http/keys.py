"""API keys: read from the environment, put into a header, and kept out of everything else.

A server may send a key back (in an error, even in a reply), so every body is washed of it before
anything reads it: what comes after cannot write it anywhere.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from didact.errors import CredentialsError

__all__ = ["NO_KEY", "Key"]

_SHORTEST = 8
"""Shorter ones are placeholders for local servers (``EMPTY``, ``none``) and may be words."""

_STARS = "***"


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key and the forms in which a body may hold it."""

    value: str
    forms: tuple[bytes, ...]

    @classmethod
    def read(cls, variable: str | None, *, asked_by: str) -> Key:
        """The key in the environment variable; CredentialsError where it is none."""
        if variable is None:
            return NO_KEY
        value = os.environ.get(variable, "").strip()
        if not value:
            raise CredentialsError(
                f"the environment variable {variable} (key_env of {asked_by}) is not set:"
                " set it and run the same command to continue"
            )
        if not (value.isascii() and value.isprintable()):
            raise CredentialsError(
                f"the environment variable {variable} (key_env of {asked_by}) holds characters"
                " that no key has: copy the key again and run the same command to continue"
            )
        return cls(value, _forms(value))

    def wash(self, content: bytes) -> bytes:
        """The bytes without the key."""
        for form in self.forms:
            if form in content:
                content = content.replace(form, _STARS.encode())
        return content

    def wash_text(self, text: str) -> str:
        """The text without the key."""
        return self.wash(text.encode("utf-8", "replace")).decode() if self.forms else text


def _forms(value: str) -> tuple[bytes, ...]:
    if len(value) < _SHORTEST:
        return ()
    escaped = json.dumps(value)[1:-1]
    forms = (value, escaped, escaped.replace("/", "\\/"))
    return tuple(form.encode() for form in dict.fromkeys(forms))


NO_KEY = Key("", ())
