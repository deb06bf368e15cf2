"""The diversity panel of one data set and of two."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from didact.cli import app
from didact.diversity import diversity
from didact.errors import ConfigError
from didact.report.diversity_figures import diversity_figures

THINGS = ("poem", "letter", "story", "list", "song", "recipe", "review", "email")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(count, *, varied=True, who="She"):
    return [
        {
            "instruction": f"Write a {THINGS[n % 8] if varied else 'poem'} about number {n}.",
            "output": f"{who} wrote {n} lines about {THINGS[n * 3 % 8]}s and {n * 7 % 11}.",
        }
        for n in range(count)
    ]


def test_two_sets_are_compared_at_one_size_and_the_varied_one_is_ahead(tmp_path):
    varied = write(tmp_path / "varied.jsonl", rows(60))
    plain = write(tmp_path / "plain.jsonl", rows(40, varied=False))
    found = diversity([varied, plain], seeds=write(tmp_path / "seeds.jsonl", rows(12, who="It")))
    one, other = found.panels
    assert (one.total, other.total) == (60, 40)
    assert one.looked_at == other.looked_at == 40
    assert len(one.pairs) > len(other.pairs)
    assert one.distinct[0].share.mean > other.distinct[0].share.mean
    assert one.distinct[0].words == other.distinct[0].words
    assert len(one.nearest_seed) == one.instructions == 40
    assert [n for n, _, _ in one.grown] == sorted(n for n, _, _ in one.grown)
    covered = [share for _, share, _ in one.grown]
    assert covered == sorted(covered)
    assert one.languages["en"] > 20
    assert len(found.places) == 80
    assert sum(sum(topic.counts) for topic in found.topics) == 80


def test_what_is_mentioned_more_often_than_in_the_seeds_is_marked(tmp_path):
    data = write(tmp_path / "data.jsonl", rows(80))
    seeds = write(tmp_path / "seeds.jsonl", rows(60, who="It"))
    [panel] = diversity([data], seeds=seeds).panels
    women = next(one for one in panel.mentions if one.group == "women")
    assert women.share.mean == 1
    assert women.seeds is not None
    assert women.seeds.mean == 0
    assert women.differs
    assert not any(one.differs for one in panel.mentions if one.group == "religions")


def test_overlap_with_another_set_counts_the_same_and_the_near(tmp_path):
    data = write(tmp_path / "data.jsonl", rows(40))
    public = write(tmp_path / "public.jsonl", [*rows(10), {"instruction": "x", "output": "y"}])
    [panel] = diversity([data], against=[public]).panels
    [near] = panel.near
    assert near.exact.mean == pytest.approx(10 / 40)
    assert near.near.mean >= near.exact.mean
    assert near.read == 11


def test_bad_rows_are_counted_and_too_little_data_is_told(tmp_path):
    broken = [*rows(20), {"instruction": "no output", "output": ""}]
    [panel] = diversity([write(tmp_path / "data.jsonl", broken)]).panels
    assert panel.unread == 1
    with pytest.raises(ConfigError, match="two examples"):
        diversity([write(tmp_path / "one.jsonl", rows(1))])
    with pytest.raises(ConfigError, match="no such file"):
        diversity([tmp_path / "nothing.jsonl"])


def test_the_command_writes_the_whole_panel(tmp_path):
    data = write(tmp_path / "data.jsonl", rows(40))
    command = ["diversity", str(data), str(data), "--seeds", "builtin", "--against", str(data)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "coverage" in done.output
    folder = tmp_path / "data.jsonl-diversity"
    names = {file.stem for file in folder.glob("*.csv")}
    assert names == {
        *("sets", "verbs-1", "verbs-2", "topics", "nearest-seed-1", "nearest-seed-2", "coverage"),
        *("distinct", "languages", "mentions-1", "mentions-2", "overlap"),
    }
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page


def test_hostile_texts_do_not_break_the_page(tmp_path):
    hostile = [
        {"instruction": f"</svg><script>{n}</script> & \u0001 write {n}", "output": "<b>"}
        for n in range(12)
    ]
    path = tmp_path / "<b>.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in hostile), encoding="utf-8")
    from didact.report.figures import figures_html

    html = figures_html(diversity_figures(diversity([path])), title="<script>")
    assert "<script" not in html
