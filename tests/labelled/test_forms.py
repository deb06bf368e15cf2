"""Options, exemplars, templates, clusters: the worked cases of methods.md 7 and 8."""

import gzip
import json

import pytest

from didact.errors import ConfigError
from didact.labelled.flan_tables import CAPS_2022, CLUSTERS, WEIGHTS_2022, trained_on
from didact.labelled.options import PLACES, STYLES, Style, dashed, styled, without_options
from didact.labelled.patterns import MissingColumn, Pattern, fill, read_patterns, shapes
from didact.labelled.shots import FewShotForm, dialogue, fitting
from didact.stats.mixing import proportional_rates


@pytest.mark.parametrize(("most", "kept"), [(15, 3), (13, 2), (10, 2), (8, 1), (1, 0)])
def test_only_so_many_exemplars_are_kept_as_leave_room(most, kept):
    """methods.md 7.5: inputs 1, 2, 3, targets 1, 1, 1, question 5."""
    assert fitting([1 + 1, 2 + 1, 3 + 1], room=most - 5) == kept


def test_a_later_shorter_exemplar_does_not_take_the_place_of_one_too_long():
    """methods.md 7.5: only a prefix is kept."""
    assert fitting([2, 9, 1], room=5) == 1


def test_the_serialised_forms():
    """methods.md 7.5."""
    assert dialogue([], "Ask") == "0 Ask X 1 FLAN"
    assert dialogue([("a", "b"), ("c", "d")], "Ask") == "0 a X 1 b X 0 c X 1 d X 0 Ask X 1 FLAN"


def test_exemplars_are_joined_by_blank_lines():
    """methods.md 8.2: x_y_delimiter a blank line, example_separator two."""
    form = FewShotForm()
    assert form.write([("a", "b")], "c") == "a\n\nb\n\n\nc"
    named = FewShotForm(inputs_prefix="Q: ", targets_prefix="A: ", x_y_delimiter="\n")
    assert named.write([("a", "b")], "c") == "Q: a\nA: b\n\n\nQ: c\nA:"
    assert form.write([], "c") == "c"


def test_the_options_suffix():
    """methods.md 7.1."""
    assert dashed(["yes", "no"]) == "OPTIONS:\n- yes\n- no"


def test_with_letters_the_answer_is_the_item_and_with_dashes_its_text():
    """methods.md 8.2, 8.5."""
    letters = Style("Choose:", tuple(f"\n({c}). " for c in "ABC"), ";")
    text, answer = styled(["one", "two", "three"], "two", letters)
    assert text == "Choose:\n(A). one;\n(B). two;\n(C). three;"
    assert answer == "(B)."
    assert styled(["one", "two"], "two", Style("", ("\n- ",) * 26)) == ("\n- one\n- two", "two")
    assert styled(["one", "two"], "neither", letters)[1] == "neither"


def test_there_are_87_styles_for_26_options():
    """methods.md 8.2."""
    assert len(STYLES) == 87
    assert {len(style) for style in STYLES} == {26}
    assert styled([str(n) for n in range(26)], "25", Style("", STYLES[30]))[1]
    with pytest.raises(ValueError, match="27 options"):
        styled(["x"] * 27, "x", Style("", STYLES[0]))


@pytest.mark.parametrize("place", PLACES)
def test_without_options_the_place_and_the_breaks_before_it_go(place):
    """methods.md 7.8, 8.2."""
    assert without_options(f"Is it?\n\n{{{place}}}") == "Is it?"
    assert without_options(f"Is it? {{{place}}}\n") == "Is it?"
    assert without_options(f"One.\n{{{place}}}\nAnswer:") == "One.\nAnswer:"
    assert without_options("No list. ") == "No list. "


def test_clusters_are_those_of_the_public_code():
    """methods.md 7.3."""
    assert len(CLUSTERS) == 17
    sizes = [11, 4, 6, 4, 4, 4, 3, 4, 8, 3, 10, 1, 2, 1, 1, 1, 2]
    assert [len(sets) for sets in CLUSTERS.values()] == sizes


@pytest.mark.parametrize(
    ("tested", "dropped"),
    [
        ("reading_comprehension", {"reading_comprehension", "read_comp_and_common_sense"}),
        ("common_sense", {"common_sense", "read_comp_and_common_sense"}),
        ("read_comp_and_common_sense",
         {"read_comp_and_common_sense", "reading_comprehension", "common_sense"}),
        ("paraphrase", {"paraphrase", "entailment"}),
        ("entailment", {"paraphrase", "entailment"}),
        ("translation", {"translation"}),
    ],
)  # fmt: skip
def test_the_rule_of_holding_out(tested, dropped):
    """methods.md 7.4."""
    assert set(CLUSTERS) - set(trained_on(tested, CLUSTERS)) == dropped


def test_the_weights_and_caps_of_the_2022_collection():
    """methods.md 8.1, 8.5."""
    assert list(WEIGHTS_2022.values()) == [0.40, 0.32, 0.20, 0.05, 0.03]
    assert sum(WEIGHTS_2022.values()) == pytest.approx(1)
    assert CAPS_2022 == {
        "flan2021": 30_000, "t0": 20_000, "cot": 100_000, "niv2": 5_000, "dialog": 200_000,
    }  # fmt: skip
    assert proportional_rates([2_000_000], CAPS_2022["flan2021"]) == [30_000]


def test_values_are_put_in_once_and_braces_in_them_stay():
    assert fill("{a} and {b}", {"a": "{b}", "b": 3}) == "{b} and 3"
    assert fill("{a}", {"a": ["x", "y"]}) == "x, y"
    assert fill("{ } {}", {}) == "{ } {}"
    with pytest.raises(MissingColumn, match="b"):
        fill("{b}", {"b": None})


@pytest.mark.parametrize("shape", sorted(shapes()))
def test_a_shape_has_ten_templates_of_the_same_columns(shape):
    """methods.md 7.1: ten, of which up to three turn the task around."""
    patterns = shapes()[shape]
    assert len(patterns) == 10
    assert len({(p.input, p.target) for p in patterns}) == 10
    columns = {frozenset(p.columns) for p in patterns}
    assert max(columns, key=len) == frozenset().union(*columns)
    answer = patterns[0].target_columns
    turned = [p for p in patterns if p.target_columns != answer]
    assert 1 <= len(turned) <= 3
    assert not any(p.with_options for p in turned)
    straight = [p.with_options for p in patterns if p not in turned]
    assert len(set(straight)) == 1


def test_templates_of_ones_own_come_as_a_list_or_under_a_name(tmp_path):
    (tmp_path / "a.yaml").write_text('- ["{x}?", "{y}"]\n- {input: "{y}?", target: "{x}"}\n')
    expected = (Pattern(0, "{x}?", "{y}"), Pattern(1, "{y}?", "{x}"))
    assert read_patterns(tmp_path / "a.yaml", "any") == expected
    pairs = [["{x}?", "{y}"], ["{y}?", "{x}"]]
    (tmp_path / "b.json").write_text(json.dumps({"PATTERNS": {"rte": pairs}}, indent="\t"))
    assert read_patterns(tmp_path / "b.json", "entailment", "rte") == expected
    with pytest.raises(ConfigError, match="no templates called rta; did you mean rte"):
        read_patterns(tmp_path / "b.json", "rta")


@pytest.mark.parametrize(
    "text",
    ["", "3", "[]", "- [a]", "- [a, b, c]", "- [a, 3]", "- {input: a}", "a: [", "- ['', b]"],
)
def test_a_file_without_templates_is_refused(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        read_patterns(tmp_path / "a.yaml", "any")


def public(path):
    with gzip.open(path) as file:
        return json.load(file)["PATTERNS"]


def test_the_public_tables_of_2021_are_read_as_they_are(data):
    """methods.md 7.1: 61 keys of ten, 33 of them with a list of answers."""
    path = data / "flan/templates_2021.json.gz"
    names = public(path)
    tables = [read_patterns(path, name) for name in names]
    assert len(tables) == 61
    assert {len(table) for table in tables} == {10}
    assert sum(any(p.with_options for p in table) for table in tables) == 33
    for table in tables:
        for pattern in table:
            values = dict.fromkeys([*pattern.columns, *PLACES], "value")
            assert "{" not in fill(pattern.input, values) + fill(pattern.target, values)


def test_the_public_tables_of_2022_hold_ten_fifteen_and_eighteen(data):
    """methods.md 8.2."""
    path = data / "flan/templates_v2.json.gz"
    names = public(path)
    sizes = {name: len(read_patterns(path, name)) for name in names}
    assert sizes["stream_qed"] == sizes["stream_aqua"] == 15
    assert sizes["cot_stream_general_input_inversion"] == 18
    assert sizes["cot_gsm8k"] == 10
