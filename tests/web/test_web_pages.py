"""The pages of a run: what they say, what they refuse, and that no text on them does anything."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from didact import tables
from didact.records import Example, Origin, Verdict
from didact.store import Run
from didact.web.app import make_app
from didact.web.guard import POLICY
from didact.web.index import build_index, index_path, is_fresh, opened
from didact.web.search import Query, find, match_of

HOST = "127.0.0.1:4321"
RUNS = ("tidy", "deep--hostile", "begun")


@pytest.fixture(scope="module")
def client(folder):
    for path in (folder / "tidy", folder / "deep" / "hostile", folder / "begun"):
        build_index(path)
    app = make_app(folder, hosts=(HOST,))
    return TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)


def page(client, address, status=200, **asked):
    response = client.get(address, params=asked or None)
    assert response.status_code == status, response.text
    return response.text


def ids_on(html):
    return list(dict.fromkeys(re.findall(r'data-row href="/runs/[^/]+/examples/(\w{32})"', html)))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags_of(html):
    parser = Tags()
    parser.feed(html)
    parser.close()
    return parser.found


def hostile_pages(client):
    base = "/runs/deep--hostile"
    listed = page(client, f"{base}/examples")
    found = ids_on(listed)
    items = ids_on(page(client, f"{base}/examples", part="item"))
    dropped = ids_on(page(client, f"{base}/examples", verdict="dropped"))
    lives = [page(client, f"{base}/examples/{i}") for i in (*found[:4], items[0], dropped[0])]
    return [page(client, "/"), page(client, base), listed, *lives]


def test_the_list_tells_status_cost_and_score_of_every_run(client):
    html = page(client, "/")
    assert [f"/runs/{name}" in html for name in RUNS] == [True] * 3
    assert "complete" in html
    assert "stopped before filter" in html
    assert "ROUGE-L" in html
    assert "$" in html


def test_a_run_page_has_the_funnel_with_reasons_and_the_calls(client, folder):
    html = page(client, "/runs/tidy")
    assert len(Run.open(folder / "tidy").examples()) == 80
    assert "novelty" in html
    assert "Calls and money" in html


def test_search_finds_what_holds_all_the_words(client, folder):
    wanted = {
        e.id
        for e in Run.open(folder / "tidy").examples()
        if "lanterns" in " ".join(m.content for m in e.messages).lower()
    }
    html = page(client, "/runs/tidy/examples", q="lanterns", part="generated")
    assert set(ids_on(html)) <= wanted
    assert re.search(r'role="status">(\d+) example', html)[1] == str(len(wanted))
    assert "Nothing matches" in page(client, "/runs/tidy/examples", q="lanterns xyzzy")


def test_filters_by_verdict_reason_and_recipe_agree_with_the_run(client, folder):
    verdicts = Run.open(folder / "tidy").verdicts()
    dropped = {id for id, _, v in verdicts if not v.keep}
    html = page(client, "/runs/tidy/examples", verdict="dropped", recipe="self-instruct")
    assert ids_on(html)
    assert set(ids_on(html)) <= dropped
    why = "novelty: too similar"
    wanted = {id for id, name, v in verdicts if f"{name}: {v.reason}" == why and not v.keep}
    assert set(ids_on(page(client, "/runs/tidy/examples", why=why))) == wanted


def test_paging_forth_and_back_shows_every_example_once(client, folder):
    address, seen, pages = "/runs/tidy/examples?part=generated", [], []
    while address:
        html = page(client, address)
        pages.append(ids_on(html))
        seen += pages[-1]
        link = re.search(r'rel="next" href="([^"]+)"', html)
        address = link and "/runs/tidy/examples" + link[1].replace("&amp;", "&")
    assert seen == [e.id for e in Run.open(folder / "tidy").examples()]
    back = re.search(r'rel="prev" href="([^"]+)"', html)[1].replace("&amp;", "&")
    assert ids_on(page(client, "/runs/tidy/examples" + back)) == pages[-2]


def test_an_example_has_a_permalink_and_the_beginning_of_its_id_leads_there(client, folder):
    example = Run.open(folder / "tidy").examples()[3]
    html = page(client, f"/runs/tidy/examples/{example.id}")
    assert example.output in html
    assert "novelty" in html or "length" in html or "parsable" in html
    moved = client.get(f"/runs/tidy/examples/{example.id[:10]}", follow_redirects=False)
    assert moved.headers["location"] == f"/runs/tidy/examples/{example.id}"
    whole = client.get(f"/runs/tidy/examples/{example.id}.json").json()
    assert Example.from_json(whole) == example


def test_a_test_item_shows_the_answers_of_the_models_with_their_scores(client, folder):
    answer = Run.open(folder / "tidy").answers()[0] if has_answers(folder / "tidy") else None
    item = Run.open(folder / "tidy").items()[0]
    html = page(client, f"/runs/tidy/examples/{item.id}")
    assert "test item" in html
    if answer is not None:
        assert "Answers of the models" in html


def has_answers(path):
    return (path / "evaluate" / "answers.parquet").is_file()


def test_no_text_of_a_model_becomes_an_element_a_handler_or_a_script(client):
    pages = hostile_pages(client)
    assert sum("document.title" in html for html in pages) >= 5  # the poison is on them
    for html in pages:
        for tag, attributes in tags_of(html):
            assert tag not in ("img", "iframe", "object", "embed", "base")
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            if tag == "script":
                assert attributes == {"src": "/static/keys.js", "defer": None}
            if tag in ("a", "link"):
                assert attributes["href"].startswith(("/", "?", "#"))
        assert html.count("<script") == 1
        assert "1337" not in html
        body = re.sub(r"<title>.*?</title>", "", html, flags=re.S)
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", body)


def test_marks_that_turn_text_round_are_shown_by_number(client):
    html = page(client, "/runs/deep--hostile/examples")
    assert '<span class="odd">U+202E</span>' in html


def test_every_answer_forbids_scripts_of_others_frames_and_sniffing(client):
    for address in ("/", "/runs/tidy", "/static/style.css", "/nothing"):
        headers = client.get(address).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:4321", ""])
def test_another_host_is_refused(client, host):
    assert client.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"https://{HOST}"},
        {"origin": f"http://{HOST}", "sec-fetch-site": "cross-site"},
    ],
)
def test_a_post_from_elsewhere_is_refused(client, headers):
    assert client.post("/", headers=headers).status_code == 403


def test_a_post_of_our_own_gets_as_far_as_the_pages(client):
    headers = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert client.post("/", headers=headers).status_code == 405


@pytest.mark.parametrize(
    "address",
    [
        "/runs/%2e%2e", "/runs/..%2f..%2fetc", "/runs/%2Fetc/examples",
        "/static/..%2fapp.py", "/static/app.py", "/static/%2e%2e/cli.py", "/runs/tidy%00",
        "/runs/tidy/examples/../../../etc/passwd", "/runs/tidy/examples/zz",
        "/runs/tidy/examples/%F0%28", "/runs/deep", "/runs/",
    ],
)  # fmt: skip
def test_a_path_that_is_no_page_is_not_found(client, address):
    assert client.get(address, follow_redirects=False).status_code in (404, 307)
    assert client.get(address).status_code == 404


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=30), other=st.text(max_size=12), number=st.text(max_size=22))
def test_nothing_asked_makes_the_server_fail(client, text, other, number):
    text, other = (t.encode("utf-8", "replace").decode() for t in (text, other))
    number = number.encode("utf-8", "replace").decode()
    asked = {"q": text, "why": other, "after": number, "before": number}
    assert client.get("/runs/tidy/examples", params=asked).status_code == 200


@pytest.mark.parametrize("text", ['"', "*", "a*b", "NEAR(a b)", "x OR", "^a", "-", "_", "²", "\0"])
def test_operators_of_the_search_language_are_words(client, text):
    assert client.get("/runs/tidy/examples", params={"q": text}).status_code == 200


def test_a_search_is_of_whole_words_but_the_last_may_go_on_after_a_star():
    assert match_of('red "old fox" ap*') == '"red" AND "old fox" AND "ap*"*'
    assert match_of('"old fox"') == '"old fox"'
    assert match_of(" - ") == ""


def test_the_index_is_built_again_when_a_file_of_the_run_changes(tmp_path):
    run = Run.create(tmp_path / "run")
    run.write_config("name: x\n")
    write(run, ["one", "two"])
    told = []
    build_index(run.path, lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4)
    assert is_fresh(run.path)
    write(run, ["one", "two", "three"])
    run.close()
    assert not is_fresh(run.path)
    build_index(run.path)
    with opened(index_path(run.path)) as index:
        assert find(index, Query()).number == 3
        assert find(index, Query(verdict="dropped")).lines[0]["why"] == "short: too short"
        assert find(index, Query(q="thr*")).number == 1
    assert not list(run.path.glob("*.new"))


def write(run, texts):
    origin = Origin(recipe="made")
    examples = [Example.single(text, f"{text} done", origin=origin) for text in texts]
    with run.writing("generate") as folder:
        folder.write(tables.EXAMPLES, examples)
        run.finish(folder, {"stage": "generate"})
    with run.writing("filter") as folder:
        no = Verdict(keep=False, reason="too short")
        yes = Verdict(keep=True)
        rows = [(e.id, "short", no if i == 0 else yes) for i, e in enumerate(examples)]
        folder.write(tables.VERDICTS, rows)
        folder.write(tables.KEPT, examples[1:])
        run.finish(folder, {"stage": "filter"})


def test_a_run_without_an_index_says_how_far_it_is_and_then_shows_its_examples(tmp_path):
    with Run.create(tmp_path / "run") as run:
        run.write_config("name: x\n")
        write(run, ["one", "two"])
    client = TestClient(make_app(tmp_path, hosts=(HOST,)), base_url=f"http://{HOST}")
    assert "Indexing" in page(client, "/runs/run/examples")
    deadline = time.monotonic() + 10
    while "Indexing" in (html := page(client, "/runs/run/examples")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(ids_on(html)) == 2


def test_a_damaged_run_is_told_and_spoils_no_list(tmp_path):
    with Run.create(tmp_path / "good") as run:
        run.write_config("name: good\n")
        write(run, ["one"])
    with Run.create(tmp_path / "bad") as run:
        run.write_config("name: bad\n")
        write(run, ["one"])
    (tmp_path / "bad" / "generate" / "stage.json").write_text("{")
    (tmp_path / "bad" / "generate" / "examples.parquet").write_bytes(b"PAR1")
    client = TestClient(make_app(tmp_path, hosts=(HOST,)), base_url=f"http://{HOST}")
    html = page(client, "/")
    assert "unreadable" in html
    assert "good" in html
    assert "cannot be read" in page(client, "/runs/bad")
    client.get("/runs/bad/examples")
    deadline = time.monotonic() + 10
    while (response := client.get("/runs/bad/examples")).status_code == 200:
        assert time.monotonic() < deadline
    assert response.status_code == 422
    assert "Parquet" in response.text


def lengths(folder):
    return {e.id: len(e.output.split()) for e in Run.open(folder / "tidy").examples()}


def all_ids(client, **asked):
    """The ids on all pages."""
    found, after = [], ""
    while True:
        html = page(client, "/runs/tidy/examples", part="generated", after=after, **asked)
        found += ids_on(html)
        link = re.search(r'rel="next" href="[^"]*after=(\d+)', html)
        if link is None:
            return found
        after = link[1]


def test_filters_by_length_agree_with_the_run(client, folder):
    words = lengths(folder)
    wanted = {id for id, number in words.items() if 5 <= number <= 9}
    assert wanted
    assert set(all_ids(client, shortest="5", longest="9")) == wanted
    assert set(all_ids(client, shortest="5,5")) == {i for i, n in words.items() if n > 5}
    assert set(all_ids(client, shortest="x")) == set(words)


def test_filters_by_score_agree_with_the_verdicts_alone_and_with_others(client, folder):
    verdicts = Run.open(folder / "tidy").verdicts()
    scores = {id: v.score for id, name, v in verdicts if name == "novelty"}
    wanted = {id for id, score in scores.items() if 0.3 <= score <= 0.6}
    asked = {"score": "novelty", "low": "0.3", "high": "0.6"}
    assert set(all_ids(client, **asked)) == wanted
    words = lengths(folder)
    longer = {id for id in wanted if words[id] >= 8}
    assert set(all_ids(client, **asked, shortest="8", verdict="kept")) == longer
    texts = {e.id: e for e in Run.open(folder / "tidy").examples()}
    said = {i for i in wanted if "geese" in " ".join(m.content for m in texts[i].messages).lower()}
    assert set(all_ids(client, **asked, q="geese")) == said
    assert all_ids(client, score="nothing", low="0") == []


def test_a_star_goes_on_with_the_last_word_if_it_has_two_letters(client):
    assert all_ids(client, q="lant*")
    assert match_of("a*") == '"a*"'
    assert match_of("ab*") == '"ab*"*'


def test_similar_examples_share_rare_words(client, folder):
    example = Run.open(folder / "tidy").examples()[0]
    html = page(client, f"/runs/tidy/examples/{example.id}/similar")
    assert "ROUGE-L" in html or "No other example" in html
    assert example.id not in ids_on(html)


def test_a_text_is_shown_as_markdown_only_when_asked(client, folder):
    example = Run.open(folder / "tidy").examples()[0]
    address = f"/runs/tidy/examples/{example.id}"
    assert 'class="text md"' not in page(client, address)
    assert 'class="text md"' in page(client, address + "?markdown")


def test_the_pictures_of_every_stage_are_on_the_page_of_a_run(client):
    html = page(client, "/runs/tidy")
    for caption in ("Generate: words of the answer", "Filter: score of novelty", "Train: loss"):
        assert caption in html
    assert html.count('<svg class="chart"') >= 6
    assert "95 % interval" in html


def test_a_run_that_goes_on_tells_how_far_it_is(tmp_path, client):
    with Run.create(tmp_path / "going") as run:
        run.write_config("name: going\ngenerate: []\n")
        (tmp_path / "going" / "live.json").write_text(
            '{"stage": "generate", "part": "alpaca<b>", "started": 100, "now": 160, "done": 30,'
            ' "total": 90, "kept": 20, "dropped": {"too <i>similar": 10}, "made": 40,'
            ' "tokens": 6000, "usd": 1.25}'
        )
        live = TestClient(make_app(tmp_path, hosts=(HOST,)), base_url=f"http://{HOST}")
        for address in ("/runs/going", "/runs/going/live"):
            html = page(live, address)
            for told in ("30 of 90", "2 min", "$1.25", ">100<", "too &lt;i&gt;similar", "alpaca"):
                assert told in html, told
    assert live.get("/runs/going/live").status_code == 204
    assert "stopped before generate" in page(live, "/runs/going")
