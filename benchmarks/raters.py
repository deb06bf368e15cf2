"""Do many raters at once lose or double a rating?

    python benchmarks/raters.py --raters 20 --seconds 120

A real server, twenty raters over HTTP who rate as fast as they are answered, send every tenth form
twice and take every fifteenth rating back; at the end every rating that was confirmed must be in
ratings.db once, and nothing else. Bar: none lost, none doubled.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from didact.ratings.book import Book

sys.path.append(str(Path(__file__).parents[1] / "tests" / "web"))
from rated_run import write_rated_run

__all__ = ["Rater", "compare", "rate_at_once"]

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Rater(threading.Thread):
    """Rates until told to stop, and remembers what was confirmed."""

    def __init__(self, address: str, name: str, until: float) -> None:
        super().__init__()
        parts = urlsplit(address)
        self._place = f"{parts.path}/by/{name}"
        self._origin = {"origin": f"http://{parts.netloc}", **FORM}
        self._until = until
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        self.name = name
        self.confirmed: list[tuple[str, int, str | None]] = []
        """Task, turn and what was said (None: taken back), in order."""
        self.times: list[float] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while self._one() and time.monotonic() < self._until:
                pass
        except BaseException as error:
            self.error = error
        finally:
            self._connection.close()

    def _one(self) -> bool:
        page = self._get()
        found = re.search(
            r'name="task" value="(\w+)"><input type="hidden" name="turn" value="(\d+)"', page
        )
        if found is None:
            return False
        number = len(self.confirmed)
        level = "ABCD"[number % 4]
        fields = {"task": found[1], "turn": found[2], "flipped": "0", "since": "0", "level": level}
        start = time.perf_counter()
        for _ in range(2 if number % 10 == 0 else 1):
            self._post("", fields)
        self.times.append(time.perf_counter() - start)
        self.confirmed.append((found[1], int(found[2]), level))
        if number % 15 == 14:
            last = re.search(r'name="number" value="(\d+)"', self._get())
            assert last is not None
            self._post("/undo", {"number": last[1]})
            self.confirmed.append((found[1], int(found[2]) + 1, None))
        return True

    def _get(self) -> str:
        self._connection.request("GET", self._place)
        response = self._connection.getresponse()
        text = response.read().decode()
        assert response.status == 200, text
        return text

    def _post(self, where: str, fields: dict[str, str]) -> None:
        self._connection.request("POST", self._place + where, urlencode(fields), self._origin)
        response = self._connection.getresponse()
        text = response.read().decode()
        assert response.status == 303, (response.status, text)


def rate_at_once(address: str, *, raters: int, seconds: float) -> list[Rater]:
    """Raters who all began at once and are done."""
    until = time.monotonic() + seconds
    found = [Rater(address, f"rater{number}", until) for number in range(raters)]
    for rater in found:
        rater.start()
    for rater in found:
        rater.join()
        if rater.error:
            raise rater.error
    return found


def compare(run: Path, raters: list[Rater]) -> tuple[int, int, int]:
    """Ratings confirmed, those of them that are lost, and rows that nobody was told of."""
    confirmed = lost = doubled = 0
    with Book.of(run, write=False) as book:
        for rater in raters:
            stored = [
                (event.task, event.turn, event.said["level"] if event.said else None)
                for event in book.events("levels", rater.name)
            ]
            confirmed += len(rater.confirmed)
            lost += len(set(rater.confirmed) - set(stored))
            doubled += len(stored) - len(set(stored) & set(rater.confirmed))
    return confirmed, lost, doubled


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--raters", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = write_rated_run(Path(folder) / "run", items=5000)
        command = [sys.executable, "-c", "from didact.cli import main; main()", "rate", str(run)]
        command += ["--mode", "levels", "--items", "5000", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as server:
            address = server.stdout.readline().decode().strip()
            try:
                raters = rate_at_once(address, raters=options.raters, seconds=options.seconds)
            finally:
                server.send_signal(signal.SIGINT)
        confirmed, lost, doubled = compare(run, raters)
        times = sorted(seconds for rater in raters for seconds in rater.times)
        print(
            f"{options.raters} raters, {options.seconds:.0f} s: {confirmed} rows confirmed"
            f" ({confirmed / options.seconds:.0f} a second), {lost} lost, {doubled} doubled;"
            f" a rating is stored in {1000 * times[len(times) // 2]:.0f} ms (median),"
            f" {1000 * times[int(len(times) * 0.99)]:.0f} ms (99 of 100)"
        )


if __name__ == "__main__":
    main()
