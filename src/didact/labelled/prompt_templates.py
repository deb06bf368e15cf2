"""PromptSource's YAML files of Jinja templates, and what a template makes of a row.

PromptSource (Bach et al. 2022, arXiv 2202.01279) keeps a file for every data set: ``dataset``,
``subset`` and ``templates``, a mapping of ids to ``!Template`` with ``jinja``, ``answer_choices``
and ``metadata``. Input and target stand in one template with ``|||`` between them. Every value is
cut to 2,048 characters. The list of answers is itself a template, with ``|||`` between answers.

No calls. Templates are rendered in `didact.text.sandbox`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

import yaml

from didact.errors import ConfigError
from didact.formats.containers import open_bytes
from didact.records import JSON
from didact.text.sandbox import MissingValue, Sandbox

__all__ = [
    "SEPARATOR",
    "Prompt",
    "PromptTemplate",
    "Rendering",
    "parse_templates",
    "read_templates",
]

SEPARATOR = "|||"
_PROTECTED = "\ue000separator\ue001"
"""Stands for a separator that is in the data, from the private use area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """One template of a file."""

    id: str
    name: str
    jinja: str
    answer_choices: str | None
    original_task: bool
    """Whether it asks for what the data set was made for."""
    dataset: str
    subset: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The parts of a rendered template, two as a rule, and the answers to choose from."""

    parts: tuple[str, ...]
    choices: tuple[str, ...]


# The C parser is part of most builds of PyYAML, and ten times as fast.
_Safe: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):
    """Safe loading, and the two tags of these files as the mappings that they are."""


def _mapping(loader: yaml.SafeLoader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.constructor.ConstructorError(None, None, "no mapping", node.start_mark)
    return cast("dict[Any, Any]", loader.construct_mapping(node, deep=True))  # pyright: ignore


_Loader.add_constructor("!Template", _mapping)
_Loader.add_constructor("!TemplateMetadata", _mapping)


def read_templates(path: Path, *, dataset: str, subset: str) -> tuple[PromptTemplate, ...]:
    """The templates in a file, or of a data set in a directory of such files."""
    if path.is_dir():
        folder = path.joinpath(*dataset.split("/"), *filter(None, [subset]))
        path = folder / "templates.yaml"
        if not dataset or not path.is_file():
            known = sorted({str(p.parent.relative_to(path)) for p in path.rglob("templates.yaml")})
            raise ConfigError(f"{path}: no such file; set `dataset`, and `subset`; {known[:5]}")
    with open_bytes(path) as file:
        return parse_templates(file.read(), str(path))


def parse_templates(text: bytes | str, name: str) -> tuple[PromptTemplate, ...]:
    """The templates in the text of a file; ConfigError where it is not of that form."""
    try:
        data: object = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{name}: templates cannot be read ({error})") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{name}: no file of templates: {str(data)!r:.60}")
    top = cast("dict[str, Any]", data)
    templates = top.get("templates")
    if not isinstance(templates, dict) or not templates:
        raise ConfigError(f"{name}: it has no `templates`; its keys are {', '.join(map(str, top))}")
    found: list[PromptTemplate] = []
    for key, entry in cast("dict[str, Any]", templates).items():
        if not isinstance(entry, dict):
            raise ConfigError(f"{name}: template {key} is no mapping")
        found.append(_template(cast("dict[str, Any]", entry), str(key), top, name))
    return tuple(found)


def _template(
    entry: Mapping[str, Any], key: str, top: Mapping[str, Any], name: str
) -> PromptTemplate:
    jinja, choices = entry.get("jinja"), entry.get("answer_choices")
    if not isinstance(jinja, str) or not (choices is None or isinstance(choices, str)):
        raise ConfigError(f"{name}: template {key} needs a text `jinja` and a text or no choices")
    metadata = entry.get("metadata")
    original = False
    if isinstance(metadata, dict):
        original = bool(cast("dict[str, Any]", metadata).get("original_task"))
    return PromptTemplate(
        id=key,
        name=str(entry.get("name") or key),
        jinja=jinja,
        answer_choices=choices,
        original_task=original,
        dataset=str(top.get("dataset") or ""),
        subset=str(top.get("subset") or ""),
    )


class Rendering:
    """One template, ready to be given rows. TemplateRefused where it is none to render."""

    def __init__(
        self, template: PromptTemplate, sandbox: Sandbox, *, most: int | None, faithful: bool
    ) -> None:
        """``most``: characters of one value; ``faithful``: only top-level values are protected."""
        jinja = template.jinja
        if most is not None:
            jinja = jinja.replace("}}", f" | string | truncate({most}) }}}}")
        self._text = sandbox.template(jinja)
        choices = template.answer_choices
        self._choices = sandbox.template(choices) if choices is not None else None
        self._deep = not faithful

    def apply(self, row: Mapping[str, JSON], rng: Random) -> Prompt:
        """The parts between separators, stripped; MissingValue or TemplateRefused where none."""
        if "answer_choices" in row:
            raise MissingValue("the row has a column answer_choices, which is a reserved name")
        values = {key: _protect(value, deep=self._deep) for key, value in row.items()}
        choices: tuple[str, ...] = ()
        if self._choices is not None:
            choices = _split(self._choices(values, rng))
        listed = list(choices) if self._choices is not None else None
        return Prompt(_split(self._text({**values, "answer_choices": listed}, rng)), choices)


def _split(text: str) -> tuple[str, ...]:
    parts = text.split(SEPARATOR)
    return tuple(part.replace(_PROTECTED, SEPARATOR).strip() for part in parts)


def _protect(value: JSON, *, deep: bool) -> JSON:
    if isinstance(value, str):
        return value.replace(SEPARATOR, _PROTECTED)
    if deep and isinstance(value, list):
        return [_protect(item, deep=True) for item in value]
    if deep and isinstance(value, dict):
        return {key: _protect(item, deep=True) for key, item in value.items()}
    return value
