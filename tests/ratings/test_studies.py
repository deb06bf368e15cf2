"""Tasks made from a run, what raters say of them, and what comes out."""

from __future__ import annotations

import asyncio
import json
import shutil

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.evaluators.rated import Rated
from didact.ratings.book import Book
from didact.ratings.desk import desk
from didact.ratings.modes import MODES, OPEN
from didact.ratings.opinions import lines, opinions
from didact.ratings.order import flipped, in_order
from didact.ratings.results import results
from didact.ratings.tasks import REFERENCE, Study, Task, make_tasks
from didact.records import Answer
from didact.store import Run


@pytest.fixture
def run(rated, tmp_path):
    return shutil.copytree(rated, tmp_path / "run")


def begun(run, mode, **settings):
    book = Book.of(run)
    study = Study(name=mode, mode=mode, **settings)
    book.begin(study, make_tasks(run, study))
    return book, study


def rate_all(book, study, rater, say):
    """``say`` gets the task and the sides as shown."""
    while not (at := desk(book, study, rater)).finished:
        said = say(at.task, at.sides)
        book.rate(study.name, rater, at.key, turn=at.turn, said=said, flipped=at.flipped, seconds=1)


def good(side):
    return side.text.startswith("The ")


def careful(task, sides):
    """Says what is true of the toy answers; the level, or the better side."""
    if len(sides) == 1:
        own = sides[0].text.removeprefix("The ").split(" keeps")[0]
        right = good(sides[0]) and f"the {own}?" in task.turns[0][1]
        return {"level": "A" if right else "D"}
    asked = task.turns[0][1].partition("?")[0].rpartition("the ")[2]
    fits = [asked in side.text for side in sides]
    value = "tie" if fits[0] == fits[1] else "left" if fits[0] else "right"
    return {"better": value}


@pytest.mark.parametrize("mode", list(MODES))
def test_the_same_run_gives_the_same_tasks_some_of_them_attention_items(run, mode):
    study = Study(name="x", mode=mode, items=12, seed=3)
    tasks = make_tasks(run, study)
    assert tasks == make_tasks(run, study)
    assert [t.key for t in tasks] != [
        t.key for t in make_tasks(run, Study(name="x", mode=mode, items=12, seed=4))
    ]
    decoys = [task for task in tasks if task.expected]
    assert len(decoys) == 2
    assert {len(task.sides) for task in tasks} == {MODES[mode].answers}
    written = [json.loads(json.dumps(task.to_json())) for task in tasks]
    assert [Task.from_json(row).to_json() for row in written] == written


def test_no_form_and_no_key_tells_a_model(run):
    for mode in ("levels", "pairwise", "hhh"):
        for task in make_tasks(run, Study(name="x", mode=mode)):
            assert len(task.key) == 32
            assert "trained" not in task.key


def test_the_orders_of_raters_differ_and_sides_are_even():
    keys = [f"{n}" for n in range(400)]
    one, other = (in_order(keys, seed=0, study="s", rater=r) for r in ("ann", "bob"))
    assert sorted(one) == sorted(other) == sorted(keys)
    assert one != other
    assert one == in_order(keys, seed=0, study="s", rater="ann")
    assert one != in_order(keys, seed=1, study="s", rater="ann")
    turned = [flipped(keys, seed=0, study="s", rater=rater) for rater in ("ann", "bob")]
    assert [len(t) for t in turned] == [200, 200]
    assert 60 < len(turned[0] & turned[1]) < 140


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "stars"}, "no mode 'stars'"),
        ({"mode": "levels", "models": ("nobody",)}, "no answers of nobody"),
        ({"mode": "pairwise", "models": ("base",)}, "two models"),
        ({"mode": "audit", "models": ("base",)}, "leave --models away"),
        ({"mode": "levels", "items": 0}, "at least 1"),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_what_to_do(run, settings, message):
    with pytest.raises(ConfigError, match=message):
        make_tasks(run, Study(name="x", **settings))


def test_a_run_without_answers_says_what_to_rate_instead(run):
    shutil.rmtree(run / "evaluate")
    with pytest.raises(ConfigError, match="--mode audit"):
        make_tasks(run, Study(name="x", mode="levels"))
    assert make_tasks(run, Study(name="x", mode="audit"))


def test_what_is_left_and_right_is_told_by_model_whatever_the_sides(run):
    book, study = begun(run, "pairwise")
    for rater in ("ann", "bob"):
        rate_all(book, study, rater, careful)
    found = opinions(book, study)
    assert {opinion.event.flipped for opinion in found} == {True, False}
    by_task = {}
    for opinion in found:
        by_task.setdefault(opinion.key, set()).add(opinion.said["better"])
    assert all(len(said) == 1 for said in by_task.values())
    assert all(opinion.passed for opinion in found if opinion.task.expected)


def test_two_who_agree_have_kappa_one_and_a_judge_who_is_right_too(run):
    book, study = begun(run, "levels")
    for rater in ("ann", "bob"):
        assert not results(book, study, run).agreed
        rate_all(book, study, rater, careful)
    found = results(book, study, run)
    assert found.ready
    (agreed,) = found.agreed
    assert (agreed.same.mean, agreed.kappa.mean, agreed.alpha.mean) == (1, 1, 1)
    table = {(row.metric, row.of): row for row in found.judges}
    assert table["four_level", "pairs"].same.mean == 1
    assert table["rougeL", "pairs"].kappa.mean == pytest.approx(1)
    # The judge says B where these raters say D, in words of numbers 2 for 1.
    assert table["four_level", "levels"].same.mean == 0.5
    models = {line.name: line for line in found.outcomes[0][1]}
    assert models["trained"].shares["A or B"].mean == 0.75
    assert models["base"].shares["A or B"].mean == 0.25
    assert [(one.passed, one.seen) for one in found.careful] == [(2, 2), (2, 2)]


def test_careless_raters_show_in_kappa_and_attention(run):
    book, study = begun(run, "pairwise")
    rate_all(book, study, "ann", careful)
    rate_all(book, study, "eve", lambda task, sides: {"better": "left"})
    found = results(book, study, run)
    assert found.agreed[0].kappa.mean < 0.5
    careless = {one.rater: one for one in found.careful}
    assert careless["ann"].passed == 2
    assert careless["eve"].passed <= 1 or careless["eve"].rated == found.total


def test_three_raters_are_told_by_fleiss_and_questions_left_open_are_no_answers(run):
    book, study = begun(run, "audit", items=10)
    for rater, value in (("ann", "yes"), ("bob", "no"), ("cat", OPEN)):
        said = {q.name: value for q in MODES["audit"].questions}
        rate_all(book, study, rater, lambda task, sides, said=said: said)
    found = results(book, study, run)
    assert [row.tasks for row in found.agreed] == [10, 10, 10]
    assert {row.same.mean for row in found.agreed} == {0}
    assert {one.rater: one.open for one in found.careful}["cat"] == 3 * found.total
    assert found.judges == []


def scored(evaluator, run):
    async def collect():
        ctx = Context({})
        return [score async for score in evaluator.score(ctx, Run.open(run).answers())]

    return asyncio.run(collect())


def exported(book, studies, path):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines(book, studies)))
    return path


def test_ratings_enter_as_an_evaluator_like_any_other(run, tmp_path):
    book, levels = begun(run, "levels")
    pairs = Study(name="pairs", mode="pairwise")
    book.begin(pairs, make_tasks(run, pairs))
    for study in (levels, pairs):
        for rater in ("ann", "bob"):
            rate_all(book, study, rater, careful)
    path = exported(book, [levels, pairs], tmp_path / "ratings.jsonl")
    scores = scored(Rated(path=path), run)
    values = {(s.metric, s.model): [] for s in scores}
    for score in scores:
        values[score.metric, score.model].append(score.value)
    assert set(values) == {
        (metric, model)
        for metric in ("people_level", "people_acceptable", "people_pairwise")
        for model in ("base", "trained")
    }
    assert {len(column) for column in values.values()} == {20}
    assert sum(values["people_pairwise", "trained"]) / 20 == 0.75
    assert sum(values["people_acceptable", "base"]) / 20 == 0.25


def test_a_rating_of_another_text_scores_nothing_and_says_so(run, tmp_path):
    book, study = begun(run, "levels", items=10)
    rate_all(book, study, "ann", careful)
    path = exported(book, [study], tmp_path / "ratings.jsonl")
    answers = Run.open(run).answers()
    changed = [
        Answer(example=a.example, model=a.model, text=a.text + "!" * (a.model == "base"), call="")
        for a in answers
    ]

    async def collect():
        return [s async for s in Rated(path=path).score(Context({}), changed)]

    told = {(s.model, s.reason) for s in asyncio.run(collect()) if s.metric == "people_level"}
    assert told == {
        ("base", "another text was rated"), ("base", "not rated"),
        ("trained", "1 rating"), ("trained", "not rated"),
    }  # fmt: skip


def test_a_rater_who_failed_the_attention_items_does_not_count(run, tmp_path):
    book, study = begun(run, "levels")
    rate_all(book, study, "ann", careful)
    rate_all(book, study, "eve", lambda task, sides: {"level": "A"})
    path = exported(book, [study], tmp_path / "ratings.jsonl")
    strict = [s.value for s in scored(Rated(path=path), run) if s.metric == "people_level"]
    loose = [
        s.value for s in scored(Rated(path=path, attention=0.0), run) if s.metric == "people_level"
    ]
    assert set(strict) == {4.0, 1.0}
    assert set(loose) == {4.0, 2.5}


def test_where_every_rater_failed_the_attention_items_the_run_stops_and_says_so(run, tmp_path):
    book, study = begun(run, "levels", items=5)
    rate_all(book, study, "eve", lambda task, sides: {"level": "A"})
    path = exported(book, [study], tmp_path / "ratings.jsonl")
    with pytest.raises(ConfigError, match=r"eve passed 0%.*attention: 0"):
        scored(Rated(path=path), run)


def test_a_file_that_holds_no_ratings_is_refused_with_its_line(tmp_path, run):
    path = tmp_path / "ratings.jsonl"
    path.write_text('{"mode": "levels"}\n')
    with pytest.raises(ConfigError, match=r"ratings\.jsonl:1: not a rating"):
        scored(Rated(path=path), run)
    path.write_text("\n")
    with pytest.raises(ConfigError, match="no rating of an answer"):
        scored(Rated(path=path), run)


def test_the_right_answer_can_be_one_of_those_compared(run):
    tasks = make_tasks(run, Study(name="x", mode="pairwise", models=("trained", REFERENCE)))
    assert {side.model for t in tasks if not t.expected for side in t.sides} == {
        "trained", REFERENCE,
    }  # fmt: skip
    assert {task.reference for task in tasks} == {""}
