"""What a file system says, turned into what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from didact.errors import StoreError

__all__ = ["is_full", "on_network", "storing"]

_NETWORK = frozenset(
    "nfs nfs4 cifs smb3 smbfs sshfs 9p afs ceph cephfs glusterfs lustre beegfs gpfs juicefs"
    " s3fs goofys gcsfuse blobfuse2 rclone mountpoint-s3 davfs".split()
)
"""What cannot be trusted with SQLite's locks and shared memory."""


def is_full(error: OSError) -> bool:
    """Whether the disk, or what one may use of it, is full."""
    # pyarrow keeps the number only in its words.
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)


def on_network(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The kind of network or object file system that a path is on; None on a disk, or unknown."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place = path.resolve()
    found, depth = "", -1
    for line in lines:
        _, at, kind, *_ = [*line.split(" "), "", "", ""]
        folder = Path(at.replace("\\040", " "))
        if len(folder.parts) > depth and (folder == place or folder in place.parents):
            found, depth = kind, len(folder.parts)
    kind = found.removeprefix("fuse.")
    return found if kind in _NETWORK else None


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
