"""What a file system says, turned into what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from didact.errors import StoreError

__all__ = ["is_full", "storing"]


def is_full(error: OSError) -> bool:
    """Whether the disk, or what one may use of it, is full."""
    # pyarrow keeps the number only in its words.
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)


@contextmanager
def storing(path: Path) -> Generator[None, None, None]:
    """Around nothing but writing: an OSError becomes a StoreError that says how to go on."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise StoreError(
                f"{path}: the disk is full. Every call logged so far is safe: free some space and"
                " run the same command to continue."
            ) from error
        raise StoreError(f"{path}: cannot be written ({error})") from error
