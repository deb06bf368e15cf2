"""A component that was just begun is one, and imports nothing that it does not use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from didact.components import KINDS, find
from didact.errors import ConfigError
from didact.scaffold import scaffold


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_begun_is_a_component_and_imports_just_what_it_uses(
    kind: str, tmp_path: Path
) -> None:
    path = scaffold(kind, "my-first", tmp_path / "new/folder")
    assert find(kind, path.name, folder=path.parent).__name__ == "MyFirst"
    text = path.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    imported = [
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name != "annotations"
    ]
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert imported
    assert [name for name in imported if name not in used] == []


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = scaffold("filter", "mine", tmp_path)
    path.write_text("# changed\n")
    with pytest.raises(ConfigError, match="exists already"):
        scaffold("filter", "mine", tmp_path)
    assert path.read_text() == "# changed\n"
