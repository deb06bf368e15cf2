"""The sections about filters and contamination, from a run to the page."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from didact import pipeline
from didact.report.build import build
from didact.report.further import further
from didact.report.reading import read
from didact.runfile import load

SEA = "Write a poem of four lines about the cold sea in winter."


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """'Trains' by writing nothing."""

    def train(self, ctx, examples, base, out):
        """A folder."""
        (out / "model").mkdir(exist_ok=True)
        return out / "model"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("further")
    texts = [SEA, "Write a poem of four lines about the warm sea in winter.", "Name a sea <b>.",
             "No.", "Say something that is like nothing else here."]  # fmt: skip
    rows = [{"instruction": text, "output": f"The answer {n}."} for n, text in enumerate(texts)]
    tests = [{"instruction": SEA, "output": "Cold."}, {"instruction": "Count to 3.", "output": "3"}]
    for name, lines in (("rows", rows), ("tests", tests)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "run.yaml").write_text(
        "name: small\n"
        "models: {judge: {use: scripted, replies: ['Score: 5', 'Score: 1', 'Score: 5']},"
        " base: {use: scripted, replies: [a]}, trained: {use: scripted, replies: [b]}}\n"
        "generate: [{use: jsonl, path: rows.jsonl}]\n"
        "filter: [{use: length, instruction_min: 2}, novelty, {use: judged, form: curation}]\n"
        "train: {use: sft, base: embedded}\n"
        "evaluate: {on: tests.jsonl, with: [exact-match]}\n",
        encoding="utf-8",
    )
    config = load(folder / "run.yaml")
    config = replace(config, train=replace(config.train, use=Writes()))
    pipeline.run(config, folder / "out")
    return folder / "out"


def test_the_filters_tell_what_they_cost_where_they_overlap_and_where_their_line_is(run):
    sections = {section.anchor: section.value for section in further(read(run))}
    filters = sections["filters"]
    assert [cost.name for cost in filters.costs] == ["length", "novelty", "judged"]
    assert filters.ask
    assert filters.costs[2].calls == filters.costs[2].seen > 0
    assert filters.not_alone == ["judged"]
    assert filters.seen_alone == 5
    by_filter = {edge.name: edge for edge in filters.edges}
    assert [side.score for side in by_filter["length"].dropped] == [1.0]
    assert by_filter["length"].kept[0].score >= 2
    assert [round(side.score, 2) for side in by_filter["novelty"].dropped] == [0.92]
    # It has no auditor.
    assert filters.truths == ()


def test_the_audit_of_a_judge_and_what_could_not_be_read_stand_on_the_page(run, tmp_path):
    facts = read(run)
    audit = {"items": 9, "unscored": 1, "agreement": [0.75, 0.4, 0.9], "kappa": None,
             "repeated": 1.0, "spread": 0.25, "slope": [0.1, -0.2, 0.4]}  # fmt: skip
    told = {"judged": {"audit": audit, "unread": {"cut off": 3}}}
    (run / "filter" / "statistics.json").write_text(json.dumps(told), encoding="utf-8")
    value = further(replace(facts, sifted=told))[0].value
    [(name, found)] = value.audits
    assert name == "judged"
    assert found.to_json() == audit
    assert value.unread == [("judged", "cut off", 3)]
    page = build([run], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The judge of judged on labelled examples" in page
    assert "one side always says the same" in page


def test_touched_items_stand_with_what_touches_them_and_scores_are_split(run):
    sections = {section.anchor: section.value for section in further(read(run))}
    touched = sections["touched"]
    [meeting] = touched.meetings
    assert meeting.item.instruction == SEA == meeting.example.instruction
    assert meeting.by == "words"
    assert {(part.model, part.touched.items, part.clean.items) for part in touched.parts} == {
        ("base", 1, 1), ("trained", 1, 1),
    }  # fmt: skip


def test_the_page_has_both_sections_escaped_and_in_its_contents(run, tmp_path):
    page = build([run], tmp_path / "page.html").read_text(encoding="utf-8")
    for anchor in ("filters", "touched"):
        assert f'<section id="{anchor}">' in page
        assert f'href="#{anchor}"' in page
    assert "1 of 2 test items" in page
    assert "Name a sea <b>" not in page
    assert "Both sides of the line of novelty: too similar" in page
    two = build([run, run], tmp_path / "two.html").read_text(encoding="utf-8")
    assert '<section id="r1-filters"><h3>' in two


def test_a_run_that_lost_its_data_has_the_sections_without_the_overlap(run, tmp_path):
    import shutil

    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    sections = {section.anchor: section.value for section in further(read(moved))}
    assert not sections["filters"].overlaps
    assert sections["filters"].seen_alone == 0
    assert len(sections["touched"].found.touches) == 1
    assert build([moved], tmp_path / "page.html").is_file()


def test_on_the_microworld_the_auditor_says_how_rightly_filters_drop(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(
        "generate: [{use: microworld, count: 12}]\nfilter: [{use: random, count: 6}]\n"
        "evaluate: {on: microworld, models: [teacher], with: [exact-match]}\n"
        "models: {teacher: {use: scripted, replies: [a]}}\n",
        encoding="utf-8",
    )
    config = load(file)
    pipeline.generate(config, tmp_path / "r")
    pipeline.filter(config, tmp_path / "r")
    [section] = further(read(tmp_path / "r"))
    [truth] = section.value.truths
    assert (truth.name, truth.seen, truth.dropped, truth.wrong) == ("random", 12, 6, 0)
    page = build([tmp_path / "r"], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "How rightly they drop" in page
