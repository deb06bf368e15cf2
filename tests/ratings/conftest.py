"""The run that raters are shown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "web"))

from rated_run import write_rated_run


@pytest.fixture(scope="session")
def rated(tmp_path_factory):
    return write_rated_run(tmp_path_factory.mktemp("rated") / "run")
