"""The most memory a piece of work took, above what the process held before."""

from __future__ import annotations

import resource
from pathlib import Path

_SELF = Path("/proc/self")


def start() -> float:
    """Forget the peak so far, where the system can; what is held now, in GiB."""
    try:
        (_SELF / "clear_refs").write_text("5")
        return _field("VmRSS")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def peak() -> float:
    """The largest amount held since, in GiB."""
    try:
        return _field("VmHWM")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _field(name: str) -> float:
    lines = (_SELF / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 2**20
