"""HTML as Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.markdown import chat_markdown, looks_like_html, markdown_of

GOLDEN = [
    ("<p>Hello <b>world</b></p>", "Hello **world**"),
    (
        "<div class='x'><pre><code>pythonCopy codeprint(1)\n</code></pre></div>",
        "```python\nprint(1)\n```",
    ),
    ("2 / 2<p>Hi</p>", "Hi"),
    ("<p>Done</p>Copy12 chars / 3 words", "Done"),
    ("<ul><li>a</li><li>b</li></ul>", "* a\n* b"),
    ("<p>a_b <span>c_d</span></p>", "a\\_b c\\_d"),
    ("a\n\n\nb", "a\nb"),
]


@pytest.mark.parametrize(("html", "markdown"), GOLDEN)
def test_faithful_markdown_is_that_of_the_published_cleaning(html, markdown):
    """methods.md section 12.9, the table of HTML and Markdown."""
    assert chat_markdown(html, "faithful") == markdown


def test_corrected_escapes_nothing_and_keeps_paragraphs_apart():
    assert chat_markdown("<p>a_b <span>c_d</span></p>") == "a_b c_d"
    assert chat_markdown("a\n\n\nb") == "a\n\nb"
    assert chat_markdown("<h1>T</h1><p>x</p><h3>U</h3>") == "# T\n\nx\n\n### U"
    assert chat_markdown("<ol start='3'>\n<li>a</li>\n<li>b</li>\n</ol>") == "3. a\n4. b"
    html = "<p>See:</p><pre><div>pyCopy code</div><code><b>a</b>  =  1</code></pre>"
    assert chat_markdown(html) == "See:\n\n```py\na  =  1\n```"
    assert markdown_of("<head><title>x</title></head><script>y()</script><p>z</p>") == "z"


@pytest.mark.parametrize("mode", ["corrected", "faithful"])
def test_tables_links_quotes_and_nested_lists_are_written(mode):
    html = (
        "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
        '<p><a href="u">v</a> <a href="w">w</a></p><blockquote>q</blockquote>'
        "<ul><li>x<ul><li>y</li></ul></li></ul>"
    )
    text = markdown_of(html, mode)
    for part in ("| a | b |\n| --- | --- |\n| 1 | 2 |", "[v](u)", "<w>", "> q", "* x\n\t+ y"):
        assert part in text


@pytest.mark.parametrize(
    ("text", "found"),
    [("<p>x</p>", True), ("a < b > c", False), ("<div class='k'>", True), ("List<int> x", False)],
)
def test_html_is_told_from_text_with_brackets(text, found):
    assert looks_like_html(text) is found


@given(st.text(alphabet=st.sampled_from("<>/abpduliheo123 \n\t'\"=&;!-#*_")))
def test_no_markup_breaks_the_converter(text):
    for mode in ("corrected", "faithful"):
        try:
            assert isinstance(chat_markdown(text, mode), str)
        except ValueError:
            continue


def test_very_deep_markup_is_no_recursion():
    assert "x" in markdown_of("<div>" * 5000 + "x" + "</div>" * 5000)
