"""Raters at once over HTTP, and a server that is killed under them."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from browsing import served
from rated_run import write_rated_run
from raters import Rater, compare, rate_at_once

pytestmark = pytest.mark.engine


@pytest.fixture
def run(tmp_path):
    return write_rated_run(tmp_path / "run", items=200)


def test_twenty_raters_at_once_lose_and_double_nothing(run):
    with served("rate", run, "--mode", "levels", "--items", 200, "--port", 0) as (address, _):
        raters = rate_at_once(address, raters=20, seconds=5)
    confirmed, lost, doubled = compare(run, raters)
    assert all(rater.confirmed for rater in raters)
    assert (lost, doubled) == (0, 0), confirmed


def test_a_kill_loses_at_most_the_rating_in_flight_of_each_rater(run):
    with served("rate", run, "--mode", "levels", "--items", 200, "--port", 0) as (address, process):
        raters = [Rater(address, f"rater{n}", time.monotonic() + 60) for n in range(4)]
        for rater in raters:
            rater.start()
        while min(len(rater.confirmed) for rater in raters) < 5:
            assert any(rater.is_alive() for rater in raters)
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        for rater in raters:
            rater.join(120)
            assert not rater.is_alive()
    _, lost, unconfirmed = compare(run, raters)
    assert lost == 0
    assert unconfirmed <= len(raters)
