"""What a file system says, turned into what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from didact.errors import StoreError

__all__ = ["is_full", "refuse_objects", "storing"]

# No locks, no shared memory, whole objects instead of pages.
_OBJECTS = ("s3fs", "goofys", "gcsfuse", "blobfuse2", "rclone", "mountpoint-s3", "davfs")
# Locks and shared memory that one host may trust, several may not.
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "9p", "afs", "ceph", "cephfs",
            "glusterfs", "lustre", "beegfs", "gpfs", "juicefs")  # fmt: skip


def is_full(error: OSError) -> bool:
    """Whether the disk, or what one may use of it, is full."""
    # pyarrow keeps the number only in its words.
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)


def refuse_objects(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """StoreError where a path is in a mounted object store, which SQLite cannot be written in.

    The kind of a network file system, where it is on one: one host at a time may write there.
    """
    kind = _mounted(path.resolve(), mounts)
    if kind in _OBJECTS:
        raise StoreError(
            f"{path}: is in an object store ({kind}), where the call log, which is SQLite, would"
            " lose calls. Keep the run on a disk (--out), and copy its Parquet files, or all of it"
            " once it is done, to where others read them."
        )
    return kind if kind in _NETWORK else None


def _mounted(place: Path, mounts: Path) -> str:
    """The kind of file system of a place; "" where that is not known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found, depth = "", -1
    for line in lines:
        _, at, kind, *_ = [*line.split(" "), "", "", ""]
        folder = Path(at.replace("\\040", " "))
        if len(folder.parts) > depth and (folder == place or folder in place.parents):
            found, depth = kind, len(folder.parts)
    return found.removeprefix("fuse.")


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
