"""Filters one after another: what each is told first, and examples that a filter changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from didact import pipeline
from didact.components import find, numbered
from didact.config import Evaluation, Generation, RunConfig
from didact.errors import ConfigError
from didact.life import life
from didact.records import Example, Origin, Verdict
from didact.runfile import load
from didact.shown import show_life, show_run
from didact.sifting import REWRITTEN
from didact.store import Run
from toys import Some


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Examples as they stand."""

    rows: tuple[tuple[str, str], ...]

    def read(self) -> Iterator[Example]:
        """Every one of them."""
        for instruction, output in self.rows:
            yield Example.single(instruction, output, origin=Origin(recipe="rows"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Long:
    """Scores by length."""

    def check(self, example: Example) -> Verdict:
        """Keep it."""
        return Verdict(keep=True, score=float(len(example.output)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Remembers what it was told."""

    heard: dict[str, object] = field(default_factory=dict)

    def hear(self, scores: object) -> None:
        """The scores so far."""
        self.heard["scores"] = scores

    def protect(self, items: object) -> None:
        """The test items."""
        self.heard["items"] = items

    def prime(self, seeds: object) -> None:
        """The seeds."""
        self.heard["seeds"] = seeds

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """Keep all."""
        return (Verdict(keep=True) for _ in examples)


def config(rows, *filters, **more) -> RunConfig:
    return RunConfig(
        name="t", generate=(Generation(use=Rows(rows=tuple(rows))),), filter=filters, **more
    )


def filtered(config, path) -> Run:
    pipeline.generate(config, path)
    pipeline.filter(config, path)
    return Run.open(path)


PRIVATE = [
    ("Whom to ask?", "Ask ann@firm.com."),
    ("Whom to ask?", "Ask bob@firm.com."),
    ("Whom to ask?", "Ask nobody."),
    ("Name a sea.", "The Baltic."),
]


def test_what_is_redacted_is_trained_on_so_and_its_verdicts_stay_with_what_came_in(tmp_path):
    run = filtered(config(PRIVATE, find("filters", "pii")(action="redact"), Long()), tmp_path / "r")
    assert [e.output for e in run.kept()] == ["Ask [email].", "Ask nobody.", "The Baltic."]
    made = {e.id: e.output for e in run.examples()}
    # Every verdict is found by the id of an example that was generated.
    assert {key for key, *_ in run.verdicts()} == set(made)
    said = [(made[key], name, v.keep) for key, name, v in run.verdicts()]
    assert said[:2] == [("Ask ann@firm.com.", "pii", True), ("Ask bob@firm.com.", "pii", False)]
    same = run.verdicts()[1][2]
    assert same.reason == "the same as another once changed"
    assert same.evidence["nearest_id"] == same.evidence[REWRITTEN] == run.kept()[0].id
    assert ("Ask ann@firm.com.", "Long", True) in said


def test_the_life_of_a_redacted_example_is_found_by_either_id(tmp_path):
    run = filtered(config(PRIVATE, find("filters", "pii")(action="redact"), Long()), tmp_path / "r")
    before, after = run.examples()[0], run.kept()[0]
    old, new = life(run, before.id), life(run, after.id)
    assert (old.part, new.part) == ("generated", "rewritten")
    for one in (old, new):
        assert [name for name, _ in one.verdicts] == ["pii", "Long"]
    assert [parent.id for parent in new.parents] == [before.id]
    assert "[email]" in show_life(new, as_json=False)
    assert after.id in show_life(old, as_json=False)


def test_what_is_dropped_can_be_listed_also_where_a_filter_changed_it(tmp_path):
    strict = find("filters", "length")()
    run = filtered(config(PRIVATE, find("filters", "pii")(action="redact"), strict), tmp_path / "r")
    told = show_run(run, count=9, dropped_by="length", as_json=False)
    assert "length dropped 3 of 3" in told
    assert "3  instruction too short" in told
    rows = json.loads(show_run(run, count=1, dropped_by="length", as_json=True))
    assert [row["reason"] for row in rows] == ["instruction too short"] * 3
    assert rows[0]["id"] == run.examples()[0].id
    assert rows[0]["evidence"] == {"limit": 4}
    assert "Ask ann@firm.com." in told


def test_a_selection_hears_the_scores_of_the_filters_before_it(tmp_path):
    top = find("filters", "top")(score="Long", count=1)
    redact = find("filters", "pii")(action="redact")
    run = filtered(config(PRIVATE, Long(), redact, top), tmp_path / "r")
    # By the length before redaction, under the id after it.
    assert [e.output for e in run.kept()] == ["Ask [email]."]


def test_a_filter_is_told_of_seeds_test_items_and_scores(tmp_path):
    told = Told()
    items = [Example.single("Name a lake.", "Como", origin=Origin(recipe="t"))]
    seed = Example.single("Name a hill.", "Etna", origin=Origin(recipe="t"))
    made = config(PRIVATE, Long(), told, evaluate=Evaluation(on=items))
    made = replace(made, generate=(replace(made.generate[0], seeds=[seed]),))
    filtered(made, tmp_path / "r")
    assert told.heard["items"] == items
    assert told.heard["seeds"] == [seed]
    assert set(told.heard["scores"]) == {"Long", "Told"} or set(told.heard["scores"]) == {"Long"}


TEST = ("Write a poem of four lines about the cold sea in winter.", "No.")


def test_what_touches_a_test_item_of_the_run_is_dropped_and_new_items_decide_anew(tmp_path):
    touching = find("filters", "contamination")()
    items = list(Rows(rows=(TEST,)).read())
    made = config([TEST, *PRIVATE], touching, evaluate=Evaluation(on=items))
    run = filtered(made, tmp_path / "r")
    assert len(run.kept()) == len(PRIVATE)
    [drop] = [v for _, _, v in run.verdicts() if not v.keep]
    assert drop.evidence["item_id"] == items[0].id
    other = replace(made, evaluate=Evaluation(on=list(Rows(rows=(PRIVATE[0],)).read())))
    assert not pipeline.filter(other, tmp_path / "r").skipped
    assert pipeline.filter(other, tmp_path / "r").skipped
    assert TEST[0] in [e.instruction for e in Run.open(tmp_path / "r").kept()]


def test_without_test_items_a_run_is_told_so_before_anything_is_asked(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("generate: [{use: microworld, count: 3}]\nfilter: [contamination]\n")
    with pytest.raises(ConfigError, match="under `against`"):
        pipeline.check(load(file))
    text = '{"instruction": "Name a sea.", "output": "no"}\n'
    (tmp_path / "items.jsonl").write_text(text)
    pipeline.check(load(file, ["filter.contamination.against=[items.jsonl]"]))


def test_two_filters_alike_have_names_of_their_own(tmp_path):
    assert numbered(["a", "b", "a"]) == ["a", "b", "a-2"]
    run = filtered(config(PRIVATE, Some(), Some(last="z")), tmp_path / "r")
    assert {name for _, name, _ in run.verdicts()} == {"Some", "Some-2"}
