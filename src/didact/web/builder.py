"""Builds behind the pages: one thread at a time for each thing, its progress to be asked."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from didact.errors import DidactError
from didact.web.index import Tell, build_index, is_fresh

__all__ = ["Builder", "Progress"]


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a build has come."""

    done: int = 0
    total: int = 0
    trouble: str = ""
    """Why it failed; "" while it has not."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 0.0


class Builder:
    """What is being built."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Progress] = {}

    def ready(self, run: Path) -> Progress | None:
        """None where the index of a run is there; else how far it is, started if need be."""
        return self.built(run, lambda: is_fresh(run), lambda tell: build_index(run, tell))

    def built(
        self, key: Hashable, there: Callable[[], bool], build: Callable[[Tell], object]
    ) -> Progress | None:
        """None where something is there; else how far it is, started if need be.

        A build that failed is told once, and tried again by the next who asks.
        """
        with self._lock:
            progress = self._under_way.get(key)
            if progress is not None:
                if progress.trouble:
                    del self._under_way[key]
                return progress
            if there():
                return None
            progress = self._under_way[key] = Progress()
        arguments = (key, build, progress)
        threading.Thread(target=self._build, args=arguments, daemon=True).start()
        return progress

    def _build(self, key: Hashable, build: Callable[[Tell], object], progress: Progress) -> None:
        def tell(done: int, total: int) -> None:
            progress.done, progress.total = done, total

        try:
            build(tell)
        except (DidactError, OSError, sqlite3.Error, KeyError, TypeError, ValueError) as error:
            progress.trouble = str(error) or type(error).__name__
            return
        with self._lock:
            del self._under_way[key]
