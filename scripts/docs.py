"""Writes the pages of docs/ that can be listed: components.md, methods.md and cli.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import typer

from didact.cli import app
from didact.components import KINDS, describe, find, headline, names

DOCS = Path(__file__).parent.parent / "docs"
RUNS = DOCS.parent / "runs"
MEASURED = DOCS.parent / "benchmarks/methods.json"
"""Written by benchmarks/methods.py."""


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
    """Every way of making data: its paper, calls and run files, and its data beside the paper's."""
    # Experiments use recipes too; what shows how a recipe is used stands beside them.
    found = [path for path in sorted(RUNS.rglob("*.yaml")) if "experiments" not in path.parts]
    runs = {path: path.read_text(encoding="utf-8") for path in found}
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    lines = ["# Methods", "", "Every recipe. Written by `make docs`. What `mode: faithful` repeats"]
    lines += ["of published code, and the default does not: [faithful.md](faithful.md).", ""]
    lines += [
        "| recipe | makes | paper | calls for an example | calls made, examples kept | runs |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    for name in names("recipes"):
        recipe = find("recipes", name)
        used = re.compile(rf"use: {re.escape(name)}\b(?!-|, path:)")  # a path: a source
        files = [path for path, text in runs.items() if used.search(text)]
        links = ", ".join(f"[{p.stem}](../runs/{p.relative_to(RUNS).as_posix()})" for p in files)
        cells = (
            f"[`{name}`](#{name})",
            headline(recipe),
            recipe.paper,
            recipe.calls_per_example,
            _kept(measured.get(name, {})),
            links,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *_DATA]
    for name in names("recipes"):
        lines += _beside(name, measured[name]) if name in measured else []
    return "\n".join([*lines, ""])


_DATA = """\
## Their data, beside the papers'

*Paper*: what it says of its data. *Public data*: data of that method, or the data it starts from,
that others made and published, read by our readers and counted by us; a part of the whole where the
number is smaller. *A real run*: the recipe on the embedded model, a base model of four million
parameters that knows a small world of everyday words; where a recipe needs answers, the model tuned
on the built-in seeds. The pages that `alpaca` and `unnatural` ask a model to go on with are not
among those it was pre-trained on, so that it keeps nothing of them: what was lost, and why, stands
with it. The teacher of `chain-of-thought` has seen 400 worked tasks of two steps in the words of
the recipe, and is asked others; the reward model of `best-of-n` right answers beside those to other
tasks; `promptsource` puts 100 rows of SST-2 into its public templates. The whole loop of
backtranslation, to M_2: [its README](../runs/backtranslation/README.md). `-`: there is no such
number. Repeat a row with `python benchmarks/methods.py RECIPE`.
""".splitlines()


def _kept(found: dict[str, Any]) -> str:
    """Calls of the real run and what they gave."""
    if "calls" not in found:
        return "no run"
    calls, kept = found["calls"], found["kept"]
    each = f": {calls / kept:.1f} each" if kept and calls else ""
    return f"{calls} calls, {kept} kept{each}"


def _beside(name: str, found: dict[str, Any]) -> list[str]:
    """The statistics of a recipe's data."""
    lines = ["", f"### {name}", ""]
    if "calls" in found:
        settings = json.dumps(found["settings"]).replace('"', "").strip("{}")
        lost = ", ".join(f"{count} {reason}" for reason, count in found["lost"].items())
        lines += [
            f"{found['seeds']} seeds, {found['calls']} calls, {found['kept']} examples kept"
            + (f"; lost most: {lost}" if lost else "")
            + (f". Settings: `{settings}`." if settings else ". Settings: the default."),
            "",
        ]
    lines += ["| | paper | public data | a real run |", "|---|---|---|---|"]
    return lines + ["| " + " | ".join(row) + " |" for row in found["rows"]]


def _commands(group: Any) -> list[tuple[str, Any]]:
    """Every command, those of a group after it, by the words that call it."""
    found: list[tuple[str, Any]] = []
    for name, command in sorted(group.commands.items()):
        found.append((name, command))
        if hasattr(command, "commands"):
            found += [(f"{name} {inner}", one) for inner, one in _commands(command)]
    return found


def cli() -> str:
    """Every command with its arguments and options."""
    lines = ["# Commands", "", "Written by `make docs`.", ""]
    group = typer.main.get_command(app)
    for name, command in _commands(group):
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
