"""Two runs side by side: what they share, what they answer otherwise, and where it is marked."""

from __future__ import annotations

import re
import time

import pytest
from rated_run import write_rated_run
from starlette.testclient import TestClient

from didact import tables
from didact.records import Example, Origin, Verdict
from didact.store import Run
from didact.web.app import make_app
from didact.web.comparison import compare, counts
from didact.web.index import build_index
from didact.web.marking import marked

HOST = "127.0.0.1:4321"


def example(asked, answered):
    return Example.single(asked, answered, origin=Origin(recipe="x"))


def write(path, examples, dropped=()):
    summary = {"read": 1, "kept": 1, "dropped": {}, "failures": 0, "seconds": 1.0, "spending": []}
    with Run.create(path) as run:
        run.write_config(f"name: {path.name}\ngenerate: []\nfilter: []\n")
        with run.writing("generate") as folder:
            folder.write(tables.EXAMPLES, examples)
            run.finish(folder, summary)
        with run.writing("filter") as folder:
            rows = [
                (e.id, "length", Verdict(keep=e.output not in dropped, reason="x"))
                for e in examples
            ]
            folder.write(tables.VERDICTS, rows)
            folder.write(tables.KEPT, [e for e in examples if e.output not in dropped])
            run.finish(folder, summary)


SHARED = [example(f"Name colour {n}.", f"colour {n}") for n in range(6)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    first = [*SHARED, example("Sing.", "la <b>la</b> la"), example("Only here.", "yes")]
    second = [*SHARED, SHARED[0], example("Sing.", "la <b>lo</b> la"), example("Only there.", "no")]
    write(folder / "one", first)
    write(folder / "two", second, dropped=("colour 3",))
    write_rated_run(folder / "rated", items=6)
    write_rated_run(folder / "other", items=6, text=" indeed")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    app = make_app(folder, hosts=(HOST,))
    return TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)


def page(client, address):
    """The page, once what it needs has been built."""
    deadline = time.monotonic() + 60
    while True:
        response = client.get(address)
        if 'http-equiv="refresh"' not in response.text:
            return response
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_example_of_both_is_in_one_class(folder, tmp_path):
    for name in ("one", "two"):
        build_index(folder / name)
    compare(folder / "one", folder / "two", tmp_path / "found")
    assert counts(tmp_path / "found") == {
        "changed": 1, "judged": 1, "only-a": 1, "only-b": 1, "same": 5,
    }  # fmt: skip


def test_a_run_compared_with_itself_is_all_the_same(folder, tmp_path):
    build_index(folder / "one")
    compare(folder / "one", folder / "one", tmp_path / "found")
    numbers = counts(tmp_path / "found")
    assert numbers.pop("same") == 8
    assert set(numbers.values()) == {0}


def test_the_words_that_differ_are_marked_and_nothing_else(client):
    html = page(client, "/compare?a=one&b=two&show=changed").text
    assert re.findall(r"<(del|ins)>(.*?)</\1>", html) == [("del", "la"), ("ins", "lo")]
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    ("show", "told"),
    [("judged", "colour 3"), ("only-a", "Only here."), ("only-b", "Only there."), ("same", "6")],
)
def test_each_class_is_listed(client, show, told):
    response = page(client, f"/compare?a=one&b=two&show={show}")
    assert response.status_code == 200
    assert told in response.text or show == "same"


def test_the_overview_tells_stages_and_the_lines_of_the_run_files_that_differ(client):
    html = page(client, "/compare?a=one&b=two").text
    assert "<del>one: name: one</del>" in html
    assert "<ins>two: name: two</ins>" in html


def test_answers_to_the_same_items_stand_side_by_side_with_their_scores(client):
    html = page(client, "/compare?a=rated&b=rated&show=answers").text
    assert html.count("· the same") == 12
    assert "four_level" in html
    html = page(client, "/compare?a=rated&b=other&show=answers").text
    assert "Nothing here" in html  # their items differ in every prompt


def test_without_two_runs_there_is_a_form_and_what_is_not_there_is_not_found(client):
    assert "<select" in client.get("/compare?a=one").text
    assert client.get("/compare?a=one&b=nothing").status_code == 404
    assert page(client, "/compare?a=one&b=two&show=everything").status_code == 404


def test_long_texts_are_shown_without_marks():
    left, right = marked("a " * 5000, "b " * 5000)
    assert "<del>" not in left
    assert "<ins>" not in right
