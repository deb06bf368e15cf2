"""What a run file that is wrong is told: the line, and what is wanted, in words of a run file."""

from __future__ import annotations

from pathlib import Path

import pytest

from didact.errors import ConfigError
from didact.runfile import load

FILE = """\
name: small
models:
  teacher: {use: scripted, replies: "alpha"}
filter: [parsable]
"""


def told(folder: Path, text: str) -> str:
    file = folder / "small.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("[parsable]", "parsable"), 4, "should be a list: a dash before every entry"),
        (("[parsable]", ""), 4, "there is nothing after the colon"),
        (("[parsable]", "[sft]"), 4, "no 'sft' in filters; it is one of the trainers"),
        (("  teacher", "  - teacher"), 2, "without dashes, one for each role"),
        (("small", "2026"), 1, "should be a text; put it in quotes, not 2026"),
        (("small", "../elsewhere"), 1, "the name of a folder, without slashes"),
        (("small", ".."), 1, "the name of a folder, without slashes"),
        (("name:", "seed: 1.5\nname:"), 1, "seed: should be a whole number, not 1.5"),
        (("name:", "prices: {m: {input: 1}}\nname:"), 1, "prices.m.output: missing"),
        (("name:", "budget: {dollars: 1}\nname:"), 1, "there are: usd, calls, tokens"),
        (
            ("scripted, replies: alpha", "openai, model: m, api_key: secret"),
            3,
            "a key stays in the environment, and `key_env` names its variable",
        ),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_line_and_what_is_wanted(
    tmp_path: Path, change: tuple[str, str], line: int, says: str
) -> None:
    text = FILE.replace('"alpha"', "alpha")
    assert change[0] in text
    message = told(tmp_path, text.replace(*change))
    assert f"small.yaml:{line}: " in message
    assert says in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("def x(:\n", 1, "SyntaxError"),
        ("import json\n\nimport no_such_package_here\n", 3, "no_such_package_here"),
        ("def f():\n    return 1 / 0\n\n\nf()\n", 2, "ZeroDivisionError"),
    ],
)
def test_a_component_of_ones_own_that_cannot_be_read_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    message = told(tmp_path, FILE.replace("[parsable]", "[./mine.py]"))
    assert "small.yaml:4: filter.0.use: " in message
    assert f"mine.py:{line}: " in message
    assert says in message
