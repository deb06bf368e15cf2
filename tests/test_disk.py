"""What a file system is, and what may live on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from didact import store
from didact.disk import refuse_objects
from didact.errors import StoreError
from didact.store import Run


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("disk / ext4 rw 0 0\n", None),
        ("disk / ext4 rw 0 0\nhost:/x TMP nfs4 rw 0 0\n", "nfs4"),
        # The nearest mount decides, in whatever order they are listed.
        ("host:/x TMP nfs4 rw 0 0\ndisk TMP/run ext4 rw 0 0\ndisk / ext4 rw 0 0\n", None),
        ("host:/x TMP-other nfs4 rw 0 0\ndisk / ext4 rw 0 0\n", None),
        ("cut short", None),
    ],
)
def test_the_nearest_mount_tells_whether_a_path_is_on_a_network(
    tmp_path: Path, mounts: str, kind: str | None
) -> None:
    listed = tmp_path / "mounts"
    listed.write_text(mounts.replace("TMP", str(tmp_path.resolve()).replace(" ", "\\040")))
    assert refuse_objects(tmp_path / "run", listed) == kind


def test_without_a_list_of_mounts_nothing_is_known(tmp_path: Path) -> None:
    assert refuse_objects(tmp_path, tmp_path / "none") is None


def test_what_is_in_an_object_store_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "mounts"
    listed.write_text(f"disk / ext4 rw 0 0\nbucket {tmp_path.resolve()} fuse.s3fs rw 0 0\n")
    with pytest.raises(StoreError, match=r"object store \(s3fs\).*--out"):
        refuse_objects(tmp_path / "run", listed)


def test_a_run_on_a_network_file_system_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "refuse_objects", lambda _: "nfs4")
    Run.create(tmp_path / "run").close()
    assert "no second host may write this run" in caplog.text
