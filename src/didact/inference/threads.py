"""Torch kept to a few threads while something else computes with its own.

A thread of torch's pool that has done its part of an operation waits for the next one without
letting go of its core, some milliseconds each time: a third of what OpenVINO could have done there.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["torch_threads"]


@contextmanager
def torch_threads(most: int | None) -> Generator[None, None, None]:
    """Torch computes with this many threads at most; None leaves it what it has."""
    import torch

    before = torch.get_num_threads()
    if most is None or before <= most:
        yield
        return
    torch.set_num_threads(most)
    try:
        yield
    finally:
        torch.set_num_threads(before)
