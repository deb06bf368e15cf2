"""Writes the pages of docs/ that can be listed: components.md, methods.md and cli.md."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from didact.cli import app
from didact.components import KINDS, describe, find, headline, names

DOCS = Path(__file__).parent.parent / "docs"
RUNS = DOCS.parent / "runs"


def components() -> str:
    """Every component with its settings, by kind."""
    lines = ["# Components", "", "What a run file can name. Written by `make docs`.", ""]
    for kind in KINDS:
        found = names(kind)
        if not found:
            continue
        lines += [f"## {kind.capitalize()}", ""]
        for name in found:
            component = find(kind, name)
            lines += [f"### `{name}`", "", headline(component), ""]
            settings = describe(component)
            if settings:
                lines += ["| setting | type | default | meaning |", "|---|---|---|---|"]
            for field in settings:
                default = "*required*" if field.default is None else f"`{field.default}`"
                mark = " (changes no result)" if field.operational else ""
                cells = (f"`{field.name}`", f"`{field.type}`", default, f"{field.doc}{mark}")
                lines.append(
                    "| "
                    + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells)
                    + " |"
                )
            lines.append("")
    return "\n".join(lines)


def methods() -> str:
    """Every way of making data: its paper, its calls, its run files."""
    runs = {path: path.read_text(encoding="utf-8") for path in sorted(RUNS.rglob("*.yaml"))}
    lines = ["# Methods", "", "Every recipe. Written by `make docs`.", ""]
    lines += ["| recipe | makes | paper | calls for an example | run files |"]
    lines += ["|---|---|---|---|---|"]
    for name in names("recipes"):
        recipe = find("recipes", name)
        used = re.compile(rf"use: {re.escape(name)}\b(?!-)")
        files = [path for path, text in runs.items() if used.search(text)]
        links = ", ".join(f"[{p.stem}](../runs/{p.relative_to(RUNS).as_posix()})" for p in files)
        cells = (f"`{name}`", headline(recipe), recipe.paper, recipe.calls_per_example, links)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def cli() -> str:
    """Every command with its arguments and options."""
    lines = ["# Commands", "", "Written by `make docs`.", ""]
    group = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        lines += [f"## `didact {name}`", "", command.help or "", ""]
        rows = []
        for parameter in command.params:
            shown = (
                ", ".join(parameter.opts)
                if parameter.opts[0].startswith("-")
                else parameter.name.upper()
            )
            rows.append(f"| `{shown}` | {getattr(parameter, 'help', '') or ''} |")
        if rows:
            lines += ["| | |", "|---|---|", *rows, ""]
    lines += [
        "Exit codes: 0 done, 1 failed, 2 the command or the run file is wrong, 3 stopped by the",
        "budget, 4 a key is missing, wrong or exhausted, 130 interrupted (run the same command to",
        "continue).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    (DOCS / "components.md").write_text(components(), encoding="utf-8")
    (DOCS / "methods.md").write_text(methods(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli(), encoding="utf-8")
