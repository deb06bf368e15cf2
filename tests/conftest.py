"""What every test gets: no network off loopback, no model hub, the real data where it is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Set at import, so that it holds in subprocesses and before any library reads it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

# A slow machine is no fault of an example, and a change is judged by the same examples each time:
# `pytest --hypothesis-profile=search` looks for new ones.
slow = [HealthCheck.too_slow]
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=slow)
settings.register_profile("search", deadline=None, max_examples=1000, suppress_health_check=slow)
settings.load_profile("same")

_LOOPBACK = ("127.", "localhost", "::1")


def _refuse(address: Any) -> None:
    if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
        raise RuntimeError(f"a test may not connect to {address[0]}")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every connection that leaves the machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self: socket.socket, address: Any) -> None:
        _refuse(address)
        return connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        _refuse(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
    return


@pytest.fixture(scope="session")
def data() -> Path:
    """The directory of real data; the test is skipped where it is absent."""
    root = Path(__file__).parents[1]
    folder = Path(os.environ.get("DIDACT_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real data is not on this machine (set DIDACT_DATA to its directory)")
    return folder
