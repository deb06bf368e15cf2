"""Which runs there are under a folder, what each is called on the page, and how far each has come.

The name of a run on the page is its path below the folder, so that a link keeps meaning the same
run. A page never opens a path that a request names: it looks a name up among those found here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from didact.errors import StoreError

__all__ = ["find_runs", "worker_of"]

_DEEPEST = 4
"""Folders below the one opened in which runs are looked for."""


def find_runs(folder: Path) -> Mapping[str, Path]:
    """Name to directory, for the run at ``folder`` or for every run below it.

    StoreError where the folder is not there.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder")
    if _is_run(folder):
        return {_name(Path(folder.resolve().name)): folder}
    found: dict[str, Path] = {}
    for path in _walk(folder, _DEEPEST):
        name = base = _name(path.relative_to(folder))
        number = 2
        while name in found:
            name, number = f"{base}.{number}", number + 1
        found[name] = path
    return found


def worker_of(run: Path) -> int | None:
    """The process that works on a run now; None where none does."""
    try:
        process = int((run / "calls.db.lock").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    try:
        os.kill(process, 0)
    except PermissionError:  # somebody else's, and alive
        return process
    except (OSError, OverflowError):
        return None
    return process


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())
    except OSError:
        return
    for path in below:
        if _is_run(path):
            yield path
        elif depth > 1 and not path.name.startswith("."):
            yield from _walk(path, depth - 1)


def _is_run(path: Path) -> bool:
    return (path / "run.yaml").is_file()


def _name(path: Path) -> str:
    # One segment of an address: whatever is not plain becomes a dash.
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", "--".join(path.parts))
    return plain.lstrip(".") or "run"
