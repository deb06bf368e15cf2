"""What a batch API must be able to do, and the values that pass between it and the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from didact.http.troubles import Trouble
from didact.records import JSON

__all__ = ["Batch", "Look", "Result", "Row", "Service", "Unconfirmed"]


class Unconfirmed(Exception):
    """A batch was sent off and nobody knows whether it arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request on its way into a batch."""

    key: str
    """Its address: the key of the call, which the provider gives back with the answer."""
    path: str
    """The endpoint it is for; a batch has one."""
    body: bytes
    """The request as JSON, in the provider's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as the journal knows it."""

    number: int
    """The journal's own number for it."""
    name: str
    """Our name for it, told to the provider where it takes one."""
    id: str | None
    """The provider's name for it; None until it has confirmed the batch."""
    upload: str | None
    """The provider's name for the file of requests, where it takes a file."""
    made: float
    """Seconds since 1970."""
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How far a batch is."""

    state: Literal["working", "ended", "failed", "lost"]
    """failed: refused as a whole, nothing was answered. lost: the provider does not know it."""
    said: str
    """The provider's own word for it."""
    done: int = 0
    cancelled: bool = False
    """Somebody has ended it on purpose: what it did not answer is not handed in again."""
    handle: str = ""
    """Whatever the service needs to fetch the results."""
    trouble: Trouble | None = None
    """Why it failed."""
    wrong: Mapping[int, Trouble] = field(default_factory=dict[int, Trouble])
    """Of a failed batch: what is wrong with which row, by its place."""
    too_big: bool = False
    """Of a failed batch: it would pass with fewer rows, or when others are done."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row."""

    key: str
    outcome: dict[str, JSON] | Trouble
    """The body of the answer, or what came instead."""


class Service(Protocol):
    """One provider's batch API. Failures are ModelError or CredentialsError."""

    async def submit(self, batch: Batch, rows: Sequence[Row]) -> str:
        """Hand the rows in, once; the provider's name of the batch.

        Any error but Unconfirmed means that the provider does not have it.
        """
        ...

    async def find(self, batch: Batch, foreign: frozenset[str]) -> str | None:
        """The provider's name of a batch that was handed in and never confirmed.

        None where it has none. ``foreign`` are batches that are known to be somebody else's.
        """
        ...

    async def look(self, batch: Batch) -> Look:
        """How far it is."""
        ...

    def results(self, batch: Batch, look: Look) -> AsyncIterator[Result]:
        """What became of its rows, in any order; not necessarily of all."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
