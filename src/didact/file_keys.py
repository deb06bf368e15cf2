"""The keys of a run file, and what is told of those that are wrong.

What stands inside a component is checked against the component. A message says what is wanted in
the words of a run file, not of Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Key

from didact.components import Problem, nearest
from didact.evaluate_keys import EvaluateKeys
from didact.records import JSON

__all__ = ["FileKeys", "read_keys"]


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Budget(_Stage):
    usd: float | None = Key(default=None, ge=0)
    calls: int | None = Key(default=None, ge=0)
    tokens: int | None = Key(default=None, ge=0)


class _Scale(_Stage):
    use: Literal["local", "ray"]
    workers: int = Key(ge=1)
    address: str | None = None
    rows: int = Key(default=64, ge=1)
    cpus: float = Key(default=1.0, ge=0)
    gpus: float = Key(default=0.0, ge=0)


class _Price(_Stage):
    input: float = Key(ge=0)
    output: float = Key(ge=0)


_INNER = {"evaluate": EvaluateKeys, "budget": _Budget, "prices": _Price, "scale": _Scale}


class FileKeys(_Stage):
    """The keys of a run file; what is inside a component is checked against the component."""

    name: str | None = Key(default=None, pattern=r"^[^/\\]*[^/\\.][^/\\]*$")
    """Also that of a folder, so no path."""
    seed: int = 0
    max_failures: int = Key(default=100, ge=0)
    budget: _Budget | None = None
    scale: _Scale | None = None
    prices: dict[str, _Price] = {}
    models: dict[str, dict[str, Any]] = {}
    generate: list[str | dict[str, Any]] = []
    filter: list[str | dict[str, Any]] = []
    train: str | dict[str, Any] | None = None
    evaluate: EvaluateKeys | None = None
    reuse: list[str] = []


_WANTED = {
    "list_type": "should be a list: a dash before every entry, or [a, b]",
    "dict_type": "should be keys and values",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "string_type": "should be a text; put it in quotes",
    "string_pattern_mismatch": "should be the name of a folder, without slashes",
    "bool_type": "should be true or false",
}
"""By pydantic's name of what is wrong."""


def read_keys(data: Mapping[str, JSON], problems: list[Problem]) -> FileKeys | None:
    """The keys of the file; None, and ``problems`` longer, where they are not right."""
    try:
        return FileKeys.model_validate(data)
    except ValidationError as error:
        for problem in error.errors():
            at = tuple(p for p in problem["loc"] if p not in ("str", "dict[str,any]"))
            problems.append(Problem(at, _told(problem, at)))
        return None


def _told(problem: Any, at: tuple[str | int, ...]) -> str:  # noqa: ANN401  (a dict of pydantic's)
    kind: str = problem["type"]
    value: object = problem["input"]
    if kind == "extra_forbidden":
        *parents, key = map(str, at)
        parent = _INNER.get(parents[0], FileKeys) if parents else FileKeys
        known = [field.alias or name for name, field in parent.model_fields.items()]
        return f"unknown key{nearest(key, known)}"
    if kind == "missing":
        return "missing, and there is no default"
    wanted = _WANTED.get(kind) or str(problem["msg"]).removeprefix("Input ")
    if value is None:
        return f"{wanted}, and there is nothing after the colon; is what follows indented?"
    if at == ("models",) and isinstance(value, list):
        wanted += " without dashes, one for each role: `teacher: {use: ...}`"
    told = repr(cast("object", value))
    return f"{wanted}, not {told if len(told) <= 80 else told[:77] + '...'}"
