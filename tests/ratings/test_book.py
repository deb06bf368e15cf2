"""ratings.db: nothing is lost, doubled or overwritten, also by a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from didact.errors import ConfigError, StoreError
from didact.ratings.book import Book, Conflict
from didact.ratings.desk import desk
from didact.ratings.tasks import Side, Study, Task

STUDY = Study(name="levels", mode="levels")
TASKS = [
    Task(example_id=f"{n:032x}", turns=[("user", f"Task {n}?")], sides=[Side(model="m", text="t")])
    for n in range(12)
]
KEY = TASKS[0].key


@pytest.fixture
def book(tmp_path):
    with Book.of(tmp_path) as book:
        book.begin(STUDY, TASKS)
        yield book


def test_a_rating_that_was_confirmed_is_there_for_another_process(book):
    event = book.rate("levels", "ann", KEY, turn=0, said={"level": "B"}, seconds=2.5)
    with Book(book.path, write=False) as other:
        assert other.standing("levels", "ann") == {KEY: event}
        assert other.raters("levels") == ["ann"]
    assert event.said == {"level": "B"}


def test_the_same_rating_sent_twice_is_one(book):
    first = book.rate("levels", "ann", KEY, turn=0, said={"level": "B"})
    assert book.rate("levels", "ann", KEY, turn=0, said={"level": "B"}) == first
    assert len(book.events("levels", "ann")) == 1


def test_another_rating_in_its_place_is_refused_and_the_first_stands(book):
    book.rate("levels", "ann", KEY, turn=0, said={"level": "B"})
    with pytest.raises(Conflict):
        book.rate("levels", "ann", KEY, turn=0, said={"level": "D"})
    with pytest.raises(Conflict):
        book.rate("levels", "ann", KEY, turn=5, said={"level": "D"})
    assert book.standing("levels", "ann")[KEY].said == {"level": "B"}


def test_undoing_adds_a_row_and_the_next_rating_one_more(book):
    first = book.rate("levels", "ann", KEY, turn=0, said={"level": "B"})
    undone = book.undo("levels", "ann", number=first.number)
    assert undone.said is None
    assert book.standing("levels", "ann") == {}
    assert book.undo("levels", "ann", number=first.number) is None
    book.rate("levels", "ann", KEY, turn=2, said={"level": "A"})
    assert [event.said for event in book.events("levels", "ann")] == [
        {"level": "B"}, None, {"level": "A"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement", ["UPDATE ratings SET said = ''", "DELETE FROM ratings", "DELETE FROM tasks"]
)
def test_the_file_itself_refuses_to_change_what_was_written(book, statement):
    book.rate("levels", "ann", KEY, turn=0, said={"level": "B"})
    connection = sqlite3.connect(book.path)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)
    connection.close()


def test_a_study_cannot_be_begun_again_with_other_settings(book):
    book.begin(STUDY, TASKS[:3])
    assert len(book.tasks("levels")) == len(TASKS)
    with pytest.raises(ConfigError, match="other settings"):
        book.begin(Study(name="levels", mode="levels", seed=1), TASKS)


def test_a_rater_comes_back_to_where_they_stopped_and_has_an_order_of_their_own(book):
    def order(rater, book):
        seen = []
        while not (at := desk(book, STUDY, rater)).finished:
            seen.append(at.key)
            book.rate("levels", rater, at.key, turn=at.turn, said={"level": "B"})
        return seen

    for _ in range(5):
        at = desk(book, STUDY, "ann")
        book.rate("levels", "ann", at.key, turn=0, said={"level": "B"}, seconds=4)
    with Book(book.path) as again:
        there = desk(again, STUDY, "ann")
        assert (there.done, there.total) == (5, 12)
        assert there.seconds_left == 4 * 7
        assert there.key == desk(book, STUDY, "ann").key
        whole = [event.task for event in again.events("levels", "ann")] + order("ann", again)
        assert sorted(whole) == sorted(task.key for task in TASKS)
        assert order("bob", again) != whole


def test_what_was_taken_back_comes_next_again(book):
    keys = []
    for _ in range(3):
        at = desk(book, STUDY, "ann")
        keys.append(at.key)
        book.rate("levels", "ann", at.key, turn=at.turn, said={"level": "C"})
    at = desk(book, STUDY, "ann")
    book.undo("levels", "ann", number=at.last.number)
    again = desk(book, STUDY, "ann")
    assert again.key == keys[-1]
    assert (again.turn, again.before, again.done) == (2, {"level": "C"}, 2)


def test_many_raters_at_once_lose_and_double_nothing(book):
    def work(rater):
        with Book(book.path) as own:
            while not (at := desk(own, STUDY, rater)).finished:
                for _ in range(2):  # every form is sent twice
                    own.rate("levels", rater, at.key, turn=at.turn, said={"level": "A"})

    raters = [f"rater {n}" for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, raters))
    for rater in raters:
        assert sorted(e.task for e in book.events("levels", rater)) == sorted(t.key for t in TASKS)


WRITER = """
import sys
from didact.ratings.book import Book
with Book.of(__import__("pathlib").Path(sys.argv[1])) as book:
    for number, key in enumerate(book.tasks("levels")):
        book.rate("levels", "ann", key, turn=0, said={"level": "B"})
        print(key, flush=True)
    sys.stdin.read()
"""


def test_a_kill_loses_no_rating_that_was_confirmed(book):
    command = [sys.executable, "-c", WRITER, str(book.path.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        confirmed = [process.stdout.readline().decode().strip() for _ in range(5)]
        os.kill(process.pid, signal.SIGKILL)
        confirmed += process.stdout.read().decode().split()
    stored = list(Book(book.path).standing("levels", "ann"))
    assert stored[: len(confirmed)] == confirmed
    assert len(stored) - len(confirmed) <= 1


def test_ratings_that_cannot_be_written_are_told_with_their_file(tmp_path):
    with pytest.raises(StoreError, match=r"ratings\.db"):
        Book(tmp_path / "no" / "folder" / "ratings.db")
    (tmp_path / "ratings.db").write_bytes(b"no database at all, but long enough to look" * 40)
    with pytest.raises(StoreError, match="No rating that was confirmed is lost"):
        Book.of(tmp_path)


def test_a_name_in_other_letters_is_the_same_rater(book):
    book.rate("levels", "Ann", KEY, turn=0, said={"level": "B"})
    assert book.known_as("levels", "ANN") == "Ann"
    assert Path(book.path).name == "ratings.db"
