"""The one name for objects whose types are not checked."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Untyped"]

Untyped: TypeAlias = Any
"""What trl and transformers hand over; checking it takes minutes and finds little."""
