"""Every command that a page shows is one: its name, its options, its arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from didact.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "runs").rglob("*.md")],
    key=str,
)
GROUP = typer.main.get_command(app)
MARKED = re.compile(r"`((?:[A-Z_]+=\S+ )*didact [^`]+)`")
"""Commands in running text; a name alone, such as `didact show`, is checked for being one."""


def blocks(text: str) -> Iterator[str]:
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M):
        joined = re.sub(r"\\\n\s*", "", block)
        for line in joined.splitlines():
            if re.match(r"\s*(\$ )?([A-Z_]+=\S+ )*didact ", line):
                yield line.strip().removeprefix("$ ")


def commands_of(page: Path) -> list[tuple[str, bool]]:
    """Each command with whether it is to be whole."""
    text = page.read_text(encoding="utf-8")
    plain = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    marked = [(" ".join(one.split()), False) for one in MARKED.findall(plain)]
    return [*((one, True) for one in blocks(text)), *marked]


def parse(line: str, *, whole: bool) -> None:
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        words.pop(0)
    for mark in ("&&", "|", ">", ";"):
        if mark in words:
            words = words[: words.index(mark)]
    assert words.pop(0) == "didact"
    command = GROUP
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"no command {name!r}"
        command = command.commands[name]
    if hasattr(command, "commands") and not (whole or words):
        return
    required = [p for p in command.params if p.required]
    # In running text a command may be named without what it works on.
    if whole or len([word for word in words if not word.startswith("-")]) >= len(required):
        command.make_context(line, words)
    else:
        known = {
            name
            for parameter in command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        options = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert options <= known | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_parses(page: Path) -> None:
    wrong: list[str] = []
    for line, whole in commands_of(page):
        try:
            parse(line, whole=whole)
        except Exception as error:
            wrong.append(f"{line}: {getattr(error, 'message', None) or error}")
    assert not wrong, "\n".join(wrong)


def test_the_pages_do_show_commands() -> None:
    found = [line for page in PAGES for line, whole in commands_of(page) if whole]
    assert len(found) > 20


@pytest.mark.parametrize(
    "line",
    ["didact shwo out/mine", "didact run", "didact run a.yaml --bogus", "didact calls expor"],
)
def test_a_command_that_is_none_would_be_found(line: str) -> None:
    with pytest.raises(Exception, match=r"no command|Missing|No such option"):
        parse(line, whole=True)
