"""Finding, building and describing components: the file in a plural folder is the registration.

A component is a frozen dataclass alone in its file. Its name in a run file is the name of the file;
its fields are its settings, the string under each field their documentation, and all of them
together (but for the operational ones) its fingerprint. Nothing is imported before it is used.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import hashlib
import importlib
import importlib.util
import inspect
import itertools
import json
import pkgutil
import sys
import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from didact.errors import ConfigError
from didact.records import JSON, digest

__all__ = [
    "KINDS",
    "FieldDoc",
    "Problem",
    "build",
    "describe",
    "find",
    "fingerprint",
    "headline",
    "name_of",
    "names",
    "nearest",
    "numbered",
    "path_fingerprint",
    "paths_in",
    "settings_of",
]

KINDS = ("models", "sources", "recipes", "filters", "trainers", "evaluators", "suites")
"""The plural folders, in the order of a run."""

_LOCAL = "didact_local_"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a setting."""

    at: tuple[str | int, ...]
    """Where: the keys that lead to it."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDoc:
    """What there is to know about one setting of a component."""

    name: str
    type: str
    default: str | None
    """As Python writes it; None where the setting is required."""
    doc: str
    operational: bool
    """Whether it changes no result."""


def names(kind: str) -> list[str]:
    """The components of a kind (a plural folder), as a run file names them."""
    package = importlib.import_module(f"didact.{kind}")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def find(kind: str, use: str, *, folder: Path | None = None) -> type:
    """The class behind a name, or behind a Python file relative to ``folder``."""
    if use.endswith(".py"):
        return _local((folder or Path()) / use)
    known = names(kind)
    if use.replace("_", "-") not in known:
        raise ConfigError(f"no {use!r} in {kind}{_elsewhere(kind, use) or nearest(use, known)}")
    stem = use.replace("-", "_")
    return _component(importlib.import_module(f"didact.{kind}.{stem}"), stem)


def _elsewhere(kind: str, use: str) -> str:
    """The end of a message about the name of a component of another kind."""
    name = use.replace("_", "-")
    homes = [other for other in KINDS if other != kind and name in names(other)]
    return f"; it is one of the {' and '.join(homes)}" if homes else ""


def _local(path: Path) -> type:
    path = path.resolve()
    if not path.is_file():
        raise ConfigError(f"no such file: {path}")
    name = f"{_LOCAL}{path.stem}_{digest(str(path))[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where the types of a dataclass are looked up.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # It is the user's own file, so whatever it does wrong is told as a setting that is wrong.
        del sys.modules[name]
        raise ConfigError(_broken(path, error)) from error
    return _component(module, path.stem)


def _broken(path: Path, error: Exception) -> str:
    """What an own component did when it was read, and in which of its lines."""
    lines = [
        frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    told = error.msg if isinstance(error, SyntaxError) else error
    return f"{path}{f':{line}' if line else ''}: {type(error).__name__}: {told}"


def _component(module: ModuleType, stem: str) -> type:
    public = [getattr(module, name) for name in getattr(module, "__all__", ())]
    classes = [c for c in public if isinstance(c, type) and dataclasses.is_dataclass(c)]
    named = [c for c in classes if c.__name__.lower() == stem.replace("_", "").lower()]
    if len(named or classes) != 1:
        raise ConfigError(
            f"{module.__file__}: __all__ must name one dataclass, the component;"
            f" it names {[c.__name__ for c in classes]}"
        )
    return (named or classes)[0]


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown word: the nearest known ones, or all of them."""
    near = difflib.get_close_matches(word, known, n=2)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f" (there are: {', '.join(known)})" if known else ""


def build(
    component: type, settings: Mapping[str, JSON], *, folder: Path | None = None
) -> tuple[Any, list[Problem]]:
    """The component with these settings, and everything wrong with them.

    Types are checked strictly (``"3"`` is no number); paths are taken relative to ``folder`` and
    must exist. The component is None where there is a problem.
    """
    fields = {f.name: f for f in _settings(component)}
    hints = typing.get_type_hints(component)
    problems = [
        Problem((key,), f"unknown setting{_key_hint(key, fields) or nearest(key, list(fields))}")
        for key in settings
        if key not in fields
    ]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in settings:
            value, found = _validate(hints[name], settings[name], folder=folder or Path())
            values[name] = value
            problems += [Problem((name, *problem.at), problem.message) for problem in found]
        elif _required(field):
            problems.append(Problem((name,), "missing, and there is no default"))
    if problems:
        return None, problems
    try:
        return component(**values), []
    except (ValueError, ConfigError) as error:
        return None, [Problem((), str(error))]


def _key_hint(name: str, fields: Mapping[str, object]) -> str:
    """The end of a message about a secret that was written down."""
    if "key_env" in fields and name.lower() in {"api_key", "apikey", "key", "token", "secret"}:
        return "; a key stays in the environment, and `key_env` names its variable"
    return ""


def _validate(
    hint: Any,  # noqa: ANN401  (a type)
    value: JSON,
    *,
    folder: Path,
) -> tuple[object, list[Problem]]:
    adapter: TypeAdapter[object] = TypeAdapter(
        hint, config=ConfigDict(arbitrary_types_allowed=True)
    )
    try:
        # As JSON: strict about types, yet a list is a tuple there and a string a path.
        result = adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return None, _problems(error, value)
    result = _resolve(result, folder)
    found = paths_in(result)
    return result, [Problem(at, f"no such file: {p}") for at, p in found if not p.exists()]


def _problems(error: ValidationError, value: JSON) -> list[Problem]:
    told: dict[str, tuple[int | str, ...]] = {}
    nested: list[Problem] = []
    for entry in error.errors():
        message = entry["msg"].removeprefix("Input ").removeprefix("Value error, ")
        if entry["type"] in {"missing", "missing_argument"}:
            nested.append(Problem(entry["loc"], "missing, and there is no default"))
        elif entry["type"] == "unexpected_keyword_argument":
            nested.append(Problem(entry["loc"], "unknown setting"))
        elif len(entry["loc"]) > 1 and isinstance(entry["loc"][1], str):
            # A setting of a component in a list.
            nested.append(Problem(entry["loc"][:2], f"{message}, not {entry['input']!r}"))
        else:
            told.setdefault(message, entry["loc"])
    if any(isinstance(part, str) for loc in told.values() for part in loc):
        # A union: one message for all of its members.
        return [Problem((), f"{' or '.join(told)}, not {json.dumps(value)}"), *nested]
    plain = [Problem(loc, f"{message}, not {json.dumps(value)}") for message, loc in told.items()]
    return plain + nested


def _resolve(value: object, folder: Path) -> object:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, tuple):
        return tuple(_resolve(item, folder) for item in cast("tuple[object, ...]", value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = {f.name: _resolve(getattr(value, f.name), folder) for f in _settings(type(value))}
        return dataclasses.replace(value, **inner)
    return value


def paths_in(value: object) -> list[tuple[tuple[str | int, ...], Path]]:
    """Every path in the value of a setting, with the keys that lead to it."""
    if isinstance(value, Path):
        return [((), value)]
    parts: list[tuple[str | int, object]] = []
    if isinstance(value, tuple):
        parts = list(enumerate(cast("tuple[object, ...]", value)))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [(f.name, getattr(value, f.name)) for f in _settings(type(value))]
    return [((key, *keys), path) for key, part in parts for keys, path in paths_in(part)]


def _settings(component: type) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(component) if f.init and not f.name.startswith("_")]


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def name_of(component: object) -> str:
    """How a run file names a component's class: ``self-instruct``, or the file it is in."""
    kind = component if isinstance(component, type) else type(component)
    module = kind.__module__
    if module.startswith(_LOCAL):
        return Path(sys.modules[module].__file__ or kind.__name__).name
    if module.startswith("didact."):
        return module.rpartition(".")[2].replace("_", "-")
    return kind.__name__


def numbered(names: Sequence[str]) -> list[str]:
    """The names, the second of two equal ones as ``name-2``: they key randomness and verdicts."""
    seen: Counter[str] = Counter()
    told: list[str] = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return told


def settings_of(component: object) -> dict[str, Any]:
    """The settings of a component that are not the default ones."""
    fields = {f.name: (f, getattr(component, f.name)) for f in _settings(type(component))}
    return {
        name: value
        for name, (field, value) in fields.items()
        if field.default_factory is not dataclasses.MISSING or value != field.default
    }


def fingerprint(component: object) -> JSON:
    """What decides a component's results: name, version and settings; files by their content.

    The source of a component that is not didact's own counts too, so that editing it re-makes what
    it made; didact's own raise ``version`` instead.
    """
    kind = type(component)
    source: JSON = None
    if not kind.__module__.startswith("didact."):
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        source = path_fingerprint(Path(file)) if file else None
    return {
        "component": name_of(component),
        "version": str(getattr(component, "version", "1")),
        "source": source,
        "settings": {
            field.name: _value_fingerprint(getattr(component, field.name))
            for field in _settings(kind)
            if not field.metadata.get("operational")
        },
    }


def _value_fingerprint(value: object) -> JSON:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return path_fingerprint(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(key): _value_fingerprint(item) for key, item in items}
    if isinstance(value, Sequence):
        return [_value_fingerprint(item) for item in cast("Sequence[Any]", value)]
    if dataclasses.is_dataclass(value):
        return fingerprint(value)
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return repr(value)


def path_fingerprint(path: Path) -> JSON:
    """The content of a file, or of all files of a directory; the name of what is not here."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest({str(file.relative_to(path)): path_fingerprint(file) for file in files})
    return str(path)


def headline(component: type) -> str:
    """The first line of the class's docstring."""
    return (inspect.getdoc(component) or "").partition("\n")[0]


def describe(component: type) -> tuple[FieldDoc, ...]:
    """The settings of a component, in order, with the string under each."""
    tree = ast.parse(inspect.getsource(sys.modules[component.__module__]))
    body = next(
        node.body
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == component.__name__
    )
    after = {id(node): follower for node, follower in itertools.pairwise(body)}
    declared = {
        node.target.id: node
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return tuple(
        FieldDoc(
            name=field.name,
            type=ast.unparse(declared[field.name].annotation),
            default=_default(declared[field.name].value),
            doc=_text(after.get(id(declared[field.name]))),
            operational=bool(field.metadata.get("operational")),
        )
        for field in _settings(component)
        if field.name in declared
    )


def _default(value: ast.expr | None) -> str | None:
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "operational":
        value = (value.args or [keyword.value for keyword in value.keywords])[0]
    return ast.unparse(value) if value is not None else None


def _text(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(str(node.value.value))
    return ""
