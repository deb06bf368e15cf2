"""Whatever is asked, in any order: no page fails, no rating is lost, nothing outside is served."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hostile_run import write_hostile_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rated_run import write_rated_run
from starlette.testclient import TestClient

from didact.ratings.book import Book
from didact.web.app import make_app
from didact.web.index import build_index, index_path, opened

HOST = "127.0.0.1:4321"
OURS = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzed")
    write_rated_run(folder / "rated", items=6)
    write_hostile_run(folder / "hostile")
    (folder / "secret.txt").write_text("not to be served")
    for name in ("rated", "hostile"):
        build_index(folder / name)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    app = make_app(folder, hosts=(HOST,))
    client = TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)
    for mode in ("levels", "audit"):
        form = {"mode": mode, "items": "3"}
        assert client.post("/runs/rated/rate", data=form, headers=OURS).status_code == 200
    return client


@pytest.fixture(scope="module")
def some(folder):
    with opened(index_path(folder / "rated")) as index:
        return index.execute("SELECT id FROM examples LIMIT 1").fetchone()[0]


ANY = st.one_of(
    st.text(max_size=20), st.text("0123456789.-e,", max_size=25),
    st.sampled_from(["\0", "..", "/", "%", "'", '"', "\ud800", "9" * 40, "-1", "nan", "inf", "A"]),
)  # fmt: skip
WORDS = [
    "runs", "rated", "hostile", "nothing", "examples", "rate", "levels", "audit", "by", "ann",
    "results", "ratings.jsonl", "live", "report", "static", "style.css", "compare", "similar",
    "..", ".", "", "secret.txt", "%2e%2e", "ID", "ID.json",
]  # fmt: skip
SEGMENTS = st.lists(st.one_of(st.sampled_from(WORDS), ANY.map(lambda t: safe(t))), max_size=7)
KEYS = [
    "q", "part", "verdict", "why", "recipe", "source", "shortest", "longest", "score", "low",
    "high", "after", "before", "a", "b", "show", "markdown", "anyway", "task", "turn", "flipped",
    "since", "level", "valid_instruction", "number", "mode", "study", "items", "seed", "models",
    "rater",
]  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(KEYS), ANY, max_size=6)
SETTINGS = settings(
    max_examples=70,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def safe(text):
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def encoded(fields):
    return "&".join(f"{key}={safe(value)}" for key, value in fields.items())


def fine(response):
    assert response.status_code < 500, (response.url, response.text[:500])
    assert "not to be served" not in response.text
    assert "content-security-policy" in response.headers


@SETTINGS
@given(segments=SEGMENTS, fields=FIELDS)
def test_no_address_makes_the_server_fail(client, some, segments, fields):
    path = "/".join(segments).replace("ID", some)
    fine(client.get(f"http://{HOST}/{path}?{encoded(fields)}"))


PLACES = [
    "/runs/rated/rate", "/runs/rated/rate/levels", "/runs/rated/rate/levels/by/ann",
    "/runs/rated/rate/audit/by/ann", "/runs/rated/rate/levels/by/ann/undo", "/runs/hostile/rate",
    "/compare", "/runs/rated/live",
]  # fmt: skip
READ = [
    "/runs/rated/examples", "/runs/hostile/examples", "/compare", "/runs/rated/rate/levels/results",
    "/runs/hostile", "/runs/rated/rate/levels/by/ann", "/runs/hostile/examples/ID",
]  # fmt: skip


@SETTINGS
@given(place=st.sampled_from(READ), fields=FIELDS)
def test_no_query_makes_a_page_fail(client, some, place, fields):
    fine(client.get(f"{place.replace('ID', some)}?{encoded(fields)}"))


@SETTINGS
@given(place=st.sampled_from(PLACES), fields=FIELDS, raw=st.binary(max_size=60))
def test_no_form_makes_the_server_fail(client, place, fields, raw):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    fine(client.post(place, content=encoded(fields), headers={**OURS, **kind}))
    fine(client.post(place, content=raw, headers={**OURS, **kind}))
    fine(client.request("PUT", place, content=raw, headers=OURS))


def test_after_all_that_the_ratings_are_whole(client, folder):
    with Book.of(folder / "rated") as book:
        for study in book.studies():
            for rater in book.raters(study.name):
                events = book.events(study.name, rater)
                turns = {}
                for event in events:
                    assert event.turn == turns.get(event.task, 0)
                    turns[event.task] = event.turn + 1


def test_a_form_that_is_too_long_is_refused(client):
    response = client.post(PLACES[2], content=b"a" * 70_000, headers=OURS)
    assert response.status_code == 413


@pytest.mark.parametrize("place", PLACES[:6])
@pytest.mark.parametrize(
    "headers", [{}, {"origin": "https://evil.example"}, {**OURS, "sec-fetch-site": "cross-site"}]
)
def test_a_form_from_elsewhere_changes_nothing(client, folder, place, headers):
    before = (folder / "rated" / "ratings.db").stat().st_size
    response = client.post(place, data={"rater": "eve", "mode": "levels"}, headers=headers)
    assert response.status_code == 403
    assert (folder / "rated" / "ratings.db").stat().st_size == before


@pytest.mark.parametrize("name", ["", " ", "../eve", "a/b", "<b>", "x" * 41, "\u202eeve", "a\nb"])
def test_a_name_that_is_none_is_refused_with_what_one_is(client, name):
    response = client.post("/runs/rated/rate/levels", data={"rater": name}, headers=OURS)
    if name == "a\nb":
        assert str(response.url).endswith("by/a%20b")
        return
    assert response.status_code == 422
    assert "a name has letters" in response.text


def test_nothing_of_other_raters_or_of_models_is_on_a_raters_page(client):
    for _ in range(2):
        page = client.get("/runs/rated/rate/levels/by/zed").text
        assert "ann" not in page.replace("annot", "")
        form = page[page.index('<form method="post"') :]
        assert "trained" not in form.partition("</form>")[0]
        assert "/results" not in page
        assert "/runs/rated/examples" not in page
