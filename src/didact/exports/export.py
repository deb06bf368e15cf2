"""What every export is: a folder made aside, checked, and then put in its place.

Besides the files of its target a folder holds ``export.json`` (what it is, the parity check, what
could not be carried) and ``README.md``, the model card. An export whose check fails stays where it
is for a look, with a file ``PARITY_FAILED`` that says why, and is an error.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.exports.parity import Bar, Parity
from didact.exports.trained import Trained
from didact.records import JSON

__all__ = ["FAILED", "MANIFEST", "Exported", "Made", "Options", "into"]

MANIFEST = "export.json"
FAILED = "PARITY_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an export can be told; a target reads what concerns it."""

    least: float | None = None
    """Share of tokens that must agree, in place of the target's own bar."""
    converter: Path | None = None
    """``convert_hf_to_gguf.py`` of llama.cpp, where it is not on PATH."""
    outtype: str = "auto"
    """Type of the weights in a GGUF file, as the converter names it."""
    repo: str | None = None
    """On the hub: ``owner/name``."""
    private: bool = True

    def bar(self, own: Bar) -> Bar:
        """The bar of a target, with ``least`` in its place: then logits are reported only."""
        return own if self.least is None else Bar(self.least, float("inf"))


@dataclass(slots=True, kw_only=True)
class Made:
    """What a target made of a run."""

    parity: Parity | None = None
    notes: list[str] = field(default_factory=list[str])
    """What could not be carried, and what the reader must know."""
    next: str = ""
    """The command to go on with."""
    ready: str = ""
    """Where the export is used by name: the repository on the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An export in its place."""

    target: str
    path: Path
    made: Made

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        files = sorted(p.relative_to(self.path) for p in self.path.rglob("*") if p.is_file())
        return {
            "target": self.target,
            "path": str(self.path),
            "files": [file.as_posix() for file in files],
            "parity": self.made.parity.to_json() if self.made.parity else None,
            "notes": list(self.made.notes),
            "next": self.made.next,
        }

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"exported  {self.path}"]
        if self.made.ready:
            lines.append(f"pushed    {self.made.ready}")
        if self.made.parity:
            lines.append(f"parity    {self.made.parity.told()}")
        lines += [f"note      {note}" for note in self.made.notes]
        return [*lines, f"next      {self.made.next}"] if self.made.next else lines


Maker = Callable[[Trained, Path, Options], Made]


def into(
    target: str,
    trained: Trained,
    out: Path,
    options: Options,
    *,
    make: Maker,
    card: Callable[[Trained, Made], str] | None,
    after: Callable[[Exported, Options], None] | None = None,
) -> Exported:
    """Make the export at ``out``; an earlier one there is replaced, anything else is not.

    ``after`` is what is left to do with one that has passed.
    """
    _refuse_strangers(out, target)
    aside = out.with_name(f"{out.name}.new")
    with storing(out):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    try:
        with storing(out):
            made = make(trained, aside, options)
            if card is not None:
                (aside / "README.md").write_text(card(trained, made), encoding="utf-8")
            done = Exported(target=target, path=out, made=made)
            _mark(done, aside)
            shutil.rmtree(out, ignore_errors=True)
            os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    if made.parity is not None and not made.parity.passed:
        told = "; ".join(made.parity.problems)
        raise DidactError(
            f"{out}: the exported model is not the model of the run: {told}."
            f" {made.parity.told()}. It is marked {FAILED}; --least-agreement sets another bar"
        )
    if after is not None:
        after(done, options)
    return done


def _mark(done: Exported, folder: Path) -> None:
    about: dict[str, JSON] = {
        "target": done.target,
        "parity": done.made.parity.to_json() if done.made.parity else None,
        "notes": list(done.made.notes),
    }
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    if done.made.parity is not None and not done.made.parity.passed:
        lines = [*done.made.parity.problems, done.made.parity.told()]
        (folder / FAILED).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _refuse_strangers(out: Path, target: str) -> None:
    if out.is_dir() and (not any(out.iterdir()) or (out / MANIFEST).is_file()):
        return
    if out.exists():
        raise ConfigError(
            f"{out}: is there already and is no export; name another folder with --out,"
            f" or let it be: by default an export goes to RUN/exports/{target}"
        )
