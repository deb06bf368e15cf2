"""Threads and rankings of OpenAssistant's trees."""

import pytest

import samples
from didact.errors import ConfigError
from didact.formats.oasst_trees import ranked, threads, tree_of
from didact.formats.refusals import Refusals
from didact.sources.oasst import Oasst

M = samples.message


def golden(**s):
    """p with answers a0 and a1; a0 goes on to q and b; a1 has two unanswered questions, r and s."""
    b = M("b", "b", role="assistant")
    a0 = M("a0", "a0", role="assistant", rank=0, replies=[M("q", "q", replies=[b])])
    a1 = M("a1", "a1", role="assistant", rank=1, replies=[M("r", "r", **s), M("s", "s")])
    return M("p", "p", replies=[a0, a1])


def ids(found):
    return [[node.id for node in thread] for thread in found]


@pytest.mark.parametrize("mode", ["faithful", "corrected"])
def test_threads_are_those_of_the_project(mode):
    """methods.md section 13.3, golden: all threads, the best path, the ranked prefixes."""
    tree = tree_of({"prompt": golden()})
    assert ids(threads(tree, mode=mode)) == [["p", "a0", "q", "b"], ["p", "a1", "r"][:2]]
    assert ids(threads(tree, top=1, mode=mode)) == [["p", "a0", "q", "b"]]
    [pair] = ranked(tree.root)
    assert [node.id for node in pair.prefix] == ["p"]
    assert [node.id for node in pair.replies] == ["a0", "a1"]


def test_a_deleted_first_question_hides_its_siblings_only_faithfully():
    """methods.md section 13.3, the caution."""
    tree = tree_of({"prompt": golden(deleted=True)})
    assert ids(threads(tree, mode="faithful")) == [["p", "a0", "q", "b"]]
    assert ids(threads(tree)) == [["p", "a0", "q", "b"], ["p", "a1"]]


def test_an_unranked_answer_counts_only_where_it_is_alone():
    """methods.md section 13.3, rule 2."""
    two = [M("x", "x", role="assistant"), M("y", "y", role="assistant", rank=0)]
    tree = tree_of({"prompt": M("p", "p", replies=two)})
    assert ids(threads(tree, top=1)) == [["p", "y"]]
    assert ids(threads(tree)) == [["p", "x"], ["p", "y"]]


def read(tmp_path, rows, refusals=None, **settings):
    path = tmp_path / "o.jsonl"
    path.write_text("".join(samples.json_line(row) for row in rows))
    return list(Oasst(path=path, **settings).read(refusals))


def texts(examples):
    return [[message.content for message in example.messages] for example in examples]


def test_every_file_of_the_project_holds_the_same_trees(tmp_path):
    """methods.md section 13.2: trees, messages with replies, flat depth-first rows."""
    trees = [samples.tree(0, golden()), samples.tree(1)]
    nested = [row["prompt"] for row in trees]
    flat = [row for tree in trees for row in samples.flat(tree["prompt"])]
    expected = [["p", "a0", "q", "b"], ["p", "a1"], ["Why 1?", "done 1"]]
    for rows in (trees, nested, flat):
        found = read(tmp_path, rows)
        assert texts(found) == expected
        assert [example.meta["message"] for example in found] == ["b", "a1", "a1"]


def test_rows_in_another_order_are_an_error_and_not_another_tree(tmp_path):
    """methods.md section 13.2: shuffling the rows breaks reconstruction."""
    rows = samples.flat(golden())
    with pytest.raises(ConfigError, match=r"line 3: its parent 'q'.*depth-first"):
        read(tmp_path, [rows[0], rows[1], rows[3], rows[2], *rows[4:]])
    refusals = Refusals()
    read(tmp_path, [rows[0], rows[1], rows[3], *rows[4:]], refusals, on_error="skip")
    assert refusals.counts == {"no parent before it": 1}


def test_policies_choose_threads(tmp_path):
    rows = [samples.tree(0, golden())]
    assert texts(read(tmp_path, rows, policy="best-path")) == [["p", "a0", "q", "b"]]
    assert texts(read(tmp_path, rows, policy="first-turn")) == [["p", "a0"]]
    [pair] = read(tmp_path, rows, policy="pairs")
    assert pair.output == "a0"
    assert [turns[-1].content for turns in pair.rejected] == ["a1"]


def test_every_pair_of_a_ranking_is_kept(tmp_path):
    """methods.md section 11.3: four ranked answers are six pairs."""
    answers = [M(f"a{n}", f"a{n}", role="assistant", rank=n) for n in (2, 0, 3, 1)]
    pairs = read(tmp_path, [samples.tree(0, M("p", "p", replies=answers))], policy="pairs")
    found = [(one.output, worse[-1].content) for one in pairs for worse in one.rejected]
    assert found == [(f"a{n}", f"a{k}") for n in range(4) for k in range(n + 1, 4)]
    assert len({one.id for one in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tree_state": "growing"}, "state growing"),
        ({"prompt": {"lang": "de"}}, "language de"),
        ({"prompt": {"review_result": False}}, "spam"),
        ({"prompt": {"synthetic": True}}, "synthetic"),
        ({"prompt": {"replies": []}}, "no thread fits"),
    ],
)
def test_trees_that_give_nothing_are_counted_by_reason(tmp_path, change, reason):
    """methods.md section 13.3, rule 1."""
    bad = samples.tree(0)
    bad = {**bad, **change, "prompt": {**bad["prompt"], **change.get("prompt", {})}}
    refusals = Refusals()
    found = read(tmp_path, [bad, samples.tree(1)], refusals, languages=("en",))
    assert texts(found) == [["Why 1?", "done 1"]]
    assert refusals.counts == {reason: 1}
    assert refusals.read == 2


def test_labels_of_either_way_give_the_quality(tmp_path):
    one, two = samples.tree(0), samples.tree(1)
    one["prompt"]["replies"][0]["labels"] = {"quality": {"value": 0.75, "count": 3}}
    two["prompt"]["replies"][0]["labels"] = {"name": ["spam", "quality"], "value": [0.0, 0.5]}
    assert [example.meta["quality"] for example in read(tmp_path, [one, two])] == [0.75, 0.5]
