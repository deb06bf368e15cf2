"""Markdown of a model becomes the tags that are listed, and nothing else."""

from __future__ import annotations

import re

import pytest
from hostile_run import ALL, CORPUS, LONG
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.web.markdown import markdown, sanitised

LISTED = (
    r"<(/?(p|ul|ol|li|blockquote|pre|code|em|strong|del|h[4-6]|table|thead|tbody|tr|th|td|a|span)"
    r"|br|hr|a href=\"https?://[^\"<>]*\" rel=\"noopener noreferrer nofollow\"|span class=\"odd\")>"
)


def only_listed(html):
    return "<" not in re.sub(LISTED, "", html)


@pytest.mark.parametrize("text", [*CORPUS, ALL])
def test_the_hostile_corpus_comes_out_as_text(text):
    html = str(markdown(text))
    assert only_listed(html), html
    assert "javascript:" not in re.sub(r">[^<]*<", "><", html)


def test_headings_lists_code_tables_and_links_are_shown():
    html = str(
        markdown(
            "# Big\n\n- *one*\n- `two`\n\n```py\nx < 1\n```\n\n|a|\n|-|\n|b|\n\n[c](http://d.e)"
        )
    )
    for part in (
        "<h4>Big</h4>", "<li><em>one</em></li>", "<code>two</code>", "x &lt; 1", "<td>b</td>",
        '<a href="http://d.e" rel="noopener noreferrer nofollow">c</a>',
    ):  # fmt: skip
        assert part in html


def test_a_picture_becomes_its_words_and_is_not_loaded():
    assert str(markdown("![a cat](http://evil.example/cat.png)")) == "<p>a cat</p>\n"


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<p onclick=alert(1)>x</p>", "<p>x</p>"),
        ("<script>alert(1)</script>x", "x"),
        ("<svg><p>in</p></svg>out", "out"),
        ("<a href='java&#10;script:x'>y</a>", "<a>y</a>"),
        ("<a href='http://a\" onclick=x'>y</a>",
         '<a href="http://a&quot; onclick=x" rel="noopener noreferrer nofollow">y</a>'),
        ("<b><i>x</b></p>", "x"),
        ("<ul><li>a<ul><li>b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
    ],
)  # fmt: skip
def test_html_is_written_anew_from_the_list(html, clean):
    assert str(sanitised(html)) == clean


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("<>&\"'/=abp imgscrt[](){}!#*_`\n|-:\\\0\u202e"), max_size=80)
)
def test_no_text_brings_a_tag_of_its_own(text):
    assert only_listed(str(markdown(text)))
    assert only_listed(str(sanitised(text)))


@pytest.mark.parametrize(
    "text",
    ["[" * 20_000, "*a_ " * 5_000, "> " * 10_000, "`" * 19_999, "![](" * 5000, "|a" * 10_000],
)
def test_texts_made_to_take_long_come_to_an_end(text):
    assert only_listed(str(markdown(text)))


def test_a_long_text_is_cut():
    assert str(markdown(LONG)).endswith("…")
