"""``didact list`` and ``didact new``: the components there are, and the start of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from didact import scaffold
from didact.commands.options import Json, say
from didact.components import KINDS, describe, find, headline, names, nearest
from didact.errors import ConfigError
from didact.shown import show_component

__all__ = ["list_command", "new_command"]


def list_command(
    kind: Annotated[str | None, typer.Argument(help=f"One of: {', '.join(KINDS)}.")] = None,
    name: Annotated[str | None, typer.Argument(help="One component: its settings.")] = None,
    as_json: Json = False,
) -> None:
    """The components a run file can name, and their settings."""
    kinds = [_kind(kind)] if kind else list(KINDS)
    if name:
        component = find(kinds[0], name)
        print(show_component(name, component, describe(component), as_json=as_json))
        return
    found = {one: {n: headline(find(one, n)) for n in names(one)} for one in kinds}
    if as_json:
        print(json.dumps(found))
        return
    for one, components in found.items():
        print(one)
        for component, text in components.items():
            print(f"  {component:<22} {text}")


def _kind(word: str) -> str:
    plural = word if word.endswith("s") else f"{word}s"
    if plural not in KINDS:
        raise ConfigError(f"no kind {word!r}{nearest(plural, KINDS)}")
    return plural


def new_command(
    kind: Annotated[str, typer.Argument(help="recipe, filter, source, model, ...")],
    name: Annotated[str, typer.Argument(help="Its name; the file is named so.")],
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Start a component of your own: one file, used as `use: ./name.py`."""
    path = scaffold.scaffold(kind, name, folder)
    print(path)
    say(f"next      edit it, then name it in a run file: use: ./{path.name}")
