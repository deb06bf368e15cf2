"""Documents cut at their headings."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.sections import Block, html_blocks, markdown_blocks, sections

PAGE = """<!DOCTYPE html>
<html><head><title>Bread</title><style>h1 {color: red}</style></head>
<body>
<nav><h2>Menu</h2><a href="/">Home</a></nav>
<div class="top"><div><h1>Baking <em>bread</em></h1></div>
<p>Bread   is
baked.</p></div>
<section><h2>Flour</h2>
<p>Take <b>wheat</b> &amp; rye.<p>Sift it.
<ul><li>one cup</li><li>two cups</li></ul>
<h3>Rye</h3><ol><li>Mix.<li>Wait.</ol><pre>  a
    b</pre></section>
<h2>Water</h2>Warm.<br>Not hot.
<script>alert("<h2>no</h2>")</script>
<footer>All rights</footer></body></html>"""


def test_a_segment_is_the_text_under_one_header_with_its_lower_level_headers():
    """methods.md 5.2: the text under one header node with the sub-trees of lower-level headers."""
    found = sections(PAGE, "html")
    assert [section.header for section in found] == ["Baking bread", "Flour", "Rye", "Water"]
    assert found[1].text == (
        "Take wheat & rye.\n\nSift it.\n\n- one cup\n- two cups\n\n"
        "### Rye\n\n1. Mix.\n2. Wait.\n\n  a\n    b"
    )
    assert found[2].text == "1. Mix.\n2. Wait.\n\n  a\n    b"
    assert found[3].text == "Warm.\nNot hot."
    assert found[0].text.startswith("Bread is baked.\n\n## Flour\n\nTake wheat")
    assert found[0].text.endswith("## Water\n\nWarm.\nNot hot.")


def test_a_heading_rules_what_follows_it_however_deep_it_is_nested():
    html = "<div><div><div><h2>One</h2></div></div><p>a</p></div><p>b</p><div><h2>Two</h2></div>c"
    assert [(s.header, s.text) for s in sections(html, "html")] == [("One", "a\n\nb"), ("Two", "c")]


def test_markdown_has_headings_of_both_kinds_and_none_in_code():
    text = (
        "---\ntitle: x\n---\nlead\n\n# One #\na\n```sh\n# no heading\n```\n"
        "Two\n---\nb\n\n| x | y |\n---\n#hashtag\n\n- item\n---\nThree\n===\n~~~\n## no\n"
    )
    assert [(b.level, b.text.partition("\n")[0]) for b in markdown_blocks(text)] == [
        (0, "lead"),
        (1, "One"),
        (0, "a"),
        (2, "Two"),
        (0, "b"),
        (1, "Three"),
        (0, "~~~"),
    ]
    one = sections(text, "markdown")[0]
    assert "# no heading" in one.text
    assert "## Two\n\nb" in one.text


def test_an_empty_heading_is_there_to_be_found_by_the_filter():
    assert sections("<h2> </h2><p>text</p>", "html")[0].header == ""
    assert sections("## \ntext", "markdown")[0] == ("", "text", 0, 2)


def test_plain_text_is_one_section_without_a_header_and_a_page_without_headings_has_none():
    assert sections(" # not a heading \n", "text") == [(None, "# not a heading", 0, 1)]
    assert sections("<p>text</p>", "html") == []
    assert sections("text", "markdown") == []


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from(["alpha", "beta"]), st.sampled_from("xyz")),
        max_size=8,
    )
)
def test_html_and_markdown_of_the_same_outline_give_the_same_sections(outline):
    html = "".join(f"<h{n}>{head}</h{n}><p>{text}</p>" for n, head, text in outline)
    markdown = "\n\n".join(f"{'#' * n} {head}\n\n{text}" for n, head, text in outline)
    assert sections(html, "html") == sections(markdown, "markdown")


@given(st.text(max_size=200))
def test_any_text_is_survived_and_sections_nest(text):
    for format in ("html", "markdown", "text"):
        try:
            found = sections(text, format)
        except ValueError:
            continue
        for outer, inner in pairwise(found):
            assert outer.start < inner.start
            assert inner.start >= outer.end or inner.end <= outer.end


@pytest.mark.parametrize("level", range(1, 7))
def test_every_level_is_a_heading(level):
    expected = [Block(level, "A"), Block(0, "b")]
    assert html_blocks(f"<h{level}>A</h{level}>b") == expected
    assert markdown_blocks(f"{'#' * level} A\nb") == expected
