from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from didact.components import (
    KINDS,
    build,
    describe,
    find,
    fingerprint,
    headline,
    name_of,
    names,
    path_fingerprint,
    settings_of,
)
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.records import operational


@dataclass(frozen=True, slots=True, kw_only=True)
class Toy:
    """A toy. With more to say."""

    version: ClassVar[str] = "3"
    count: int
    """How many."""
    rate: float = 0.5
    """How fast;
    in what unit."""
    mode: Literal["a", "b"] = "a"
    words: tuple[str, ...] = ()
    file: Path | None = None
    url: str = operational("http://localhost")
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count is negative")


def problems(**settings: object) -> list[tuple[tuple[str | int, ...], str]]:
    component, found = build(Toy, settings)  # type: ignore[arg-type]
    assert (component is None) == bool(found)
    return [(problem.at, problem.message) for problem in found]


def test_a_component_is_built_from_plain_values(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    settings = {"count": 1, "rate": 2, "words": ["a", "b"], "file": "x.txt", "limit": 4}
    toy, found = build(Toy, settings, folder=tmp_path)  # type: ignore[arg-type]
    assert found == []
    assert toy == Toy(count=1, rate=2.0, words=("a", "b"), file=tmp_path / "x.txt", limit=4)
    assert isinstance(toy.rate, float)


def test_everything_wrong_is_found_at_once() -> None:
    found = dict(problems(cout=1, rate="fast", mode="c", words=["a", 1], file="no/such"))
    assert set(found) == {("cout",), ("count",), ("rate",), ("mode",), ("words", 1), ("file",)}
    assert "did you mean count?" in found["cout",]
    assert "missing" in found["count",]
    assert "number" in found["rate",]
    assert '"fast"' in found["rate",]
    assert "'a' or 'b'" in found["mode",]
    assert "no such file" in found["file",]


@pytest.mark.parametrize("value", ["3", 3.5, True, None, [3]])
def test_types_are_strict(value: object) -> None:
    (where, message), *rest = problems(count=value)
    assert (where, rest) == (("count",), [])
    assert "integer" in message


def test_a_union_is_one_problem() -> None:
    ((at, message),) = problems(count=1, limit="x")
    assert at == ("limit",)
    assert '"x"' in message


def test_what_the_component_itself_refuses_is_a_problem() -> None:
    assert problems(count=-1) == [((), "count is negative")]


def test_the_fingerprint_is_of_settings_that_matter_and_of_the_content_of_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "x").write_text("same")
    (tmp_path / "y").write_text("same")
    (tmp_path / "z").write_text("other")
    x, y, z = (Toy(count=1, file=tmp_path / name) for name in "xyz")
    assert fingerprint(x) == fingerprint(y) != fingerprint(z)
    assert fingerprint(Toy(count=1, url="other")) == fingerprint(Toy(count=1))
    assert fingerprint(Toy(count=2)) != fingerprint(Toy(count=1))
    assert fingerprint(Toy(count=1))["version"] == "3"  # type: ignore[index,call-overload]


def test_the_fingerprint_of_a_directory_is_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "f").write_text("1")
    same = path_fingerprint(tmp_path / "a")
    assert same == path_fingerprint(tmp_path / "b")
    (tmp_path / "b" / "in" / "f").rename(tmp_path / "b" / "in" / "g")
    assert same != path_fingerprint(tmp_path / "b")


def test_a_local_file_is_a_component_and_editing_it_changes_its_fingerprint(tmp_path: Path) -> None:
    source = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from pathlib import Path\n"
        "__all__ = ['Mine']\n"
        "@dataclass(frozen=True, slots=True, kw_only=True)\n"
        "class Mine:\n"
        "    '''My own.'''\n"
        "    file: Path | None = None\n"
        "    '''A file.'''\n"
    )
    file = tmp_path / "mine.py"
    file.write_text(source)
    kind = find("recipes", "./mine.py", folder=tmp_path)
    assert headline(kind) == "My own."
    assert name_of(kind) == "mine.py"
    assert [(field.name, field.doc) for field in describe(kind)] == [("file", "A file.")]
    first = fingerprint(kind())
    file.write_text(source + "\n# edited\n")
    assert fingerprint(find("recipes", "./mine.py", folder=tmp_path)()) != first


def test_a_local_file_without_one_component_says_so(tmp_path: Path) -> None:
    (tmp_path / "none.py").write_text("__all__ = ['x']\nx = 1\n")
    with pytest.raises(ConfigError, match=r"none\.py.*one dataclass"):
        find("recipes", "none.py", folder=tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        find("recipes", "gone.py", folder=tmp_path)


def test_a_component_is_found_by_name_with_dash_or_underscore_and_a_near_one_is_offered() -> None:
    assert find("models", "scripted") is Scripted
    assert find("models", "copy-input") is find("models", "copy_input")
    with pytest.raises(ConfigError, match=r"did you mean scripted\?"):
        find("models", "scriptd")


def test_every_component_of_every_kind_is_found_and_described() -> None:
    found = {(kind, name): find(kind, name) for kind in KINDS for name in names(kind)}
    assert ("models", "scripted") in found
    for (kind, name), component in found.items():
        assert headline(component).endswith((".", "!", "?")), (kind, name)
        assert (component.__module__ and name_of(component)) == name
        for field in describe(component):
            assert field.doc, f"{kind}/{name}: no string under {field.name}"


def test_fields_are_described_in_order_with_type_default_and_text() -> None:
    fields = describe(Toy)
    assert [field.name for field in fields] == [
        "count", "rate", "mode", "words", "file", "url", "limit",
    ]  # fmt: skip
    assert (fields[0].type, fields[0].default, fields[0].doc) == ("int", None, "How many.")
    assert fields[1].doc == "How fast;\nin what unit."
    assert (fields[5].default, fields[5].operational) == ("'http://localhost'", True)
    private = [field.name for field in describe(Scripted)]
    assert private == ["replies", "order", "name", "can"]


def test_settings_are_those_that_are_not_the_default() -> None:
    assert settings_of(Toy(count=1, words=("a",))) == {"count": 1, "words": ("a",)}


def test_a_function_given_in_python_is_fingerprinted_by_its_name() -> None:
    def other(request: object) -> str:
        return ""

    replies: list[Callable[..., str]] = [other, str]
    one, two = (fingerprint(Scripted(replies=reply)) for reply in replies)
    assert one != two
