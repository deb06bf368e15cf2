"""The shape of the package: who may import whom, what files look like."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import didact

SRC = Path(didact.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
LEAVES = ("sources", "recipes", "filters", "trainers", "evaluators", "suites")

# Who stands above whom: a module imports only modules of a lower number, or of its own folder
# where the folder is not one of leaves.
LEVELS: dict[str, float] = {
    "records": 0, "errors": 0, "digests": 0,
    "disk": 1, "text": 1, "microworld": 1, "calllog": 1, "prices": 1, "capabilities": 1,
    "environment": 1, "terminal": 1, "live": 1, "rows": 1,
    "stored": 1.5,
    "progress": 2, "stats": 2, "formats": 2, "licences": 2, "inference": 2, "calls": 2,
    "http": 2, "tables": 2, "document": 2,
    "training": 2.2, "estimate": 2.2,
    "identities": 2.5, "batching": 2.5, "budget": 2.5, "spool": 2.5,
    "asking": 2.7,
    "judge_audit": 3, "context": 3, "transfer": 3, "store": 3, "models": 3, "components": 3,
    "judges": 3.5, "labelled": 3.5, "ratings": 3.5,
    "ledger": 4, **dict.fromkeys(LEAVES, 4),
    "launching": 4.5,
    "config": 5, "scaffold": 5,
    "mixture": 5.5,
    "evaluate_keys": 5.7, "file_keys": 5.8,
    "scale": 5.8,
    "judging": 6, "convert": 6, "runfile": 6, "resolve": 6,
    "sifting": 6.5, "sensitivity": 6.5,
    "sieve": 7, "life": 7, "work": 7,
    "touched": 7.2,
    "evaluating": 7.5,
    "forecast": 8, "pipeline": 8, "arms": 8, "sweep": 8, "data_answers": 8,
    "pilot": 9, "proving": 9, "ping": 9, "harness": 9, "curves": 9, "style": 9, "data_audit": 9,
    "diversity": 9, "experiments": 9,
    "checked": 10, "report": 10,
    "web": 10.5,
    "serving": 10.6, "exports": 10.6,
    "quickstart": 11, "shown": 11, "shown_items": 11,
    "commands": 11.5,
    "cli": 12,
    "": 13,
}  # fmt: skip


def module_of(file: Path) -> str:
    parts = file.relative_to(SRC).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(file: Path) -> set[str]:
    """The modules of didact that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            for alias in node.names:
                path = SRC.parent / f"{module}.{alias.name}".replace(".", "/")
                known = path.is_dir() or path.with_suffix(".py").is_file()
                found.add(f"{module}.{alias.name}" if known else module)
    return {
        name.removeprefix("didact").lstrip(".") for name in found if name.split(".")[0] == "didact"
    }


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_down_and_leaves_do_not_import_leaves(file: Path) -> None:
    module = module_of(file)
    folder = module.split(".")[0]
    for imported in imports_of(file):
        target = imported.split(".")[0]
        if target == folder and folder not in LEAVES:
            continue
        assert LEVELS[target] < LEVELS[folder], f"{module} imports {imported}"


def test_the_walk_sees_the_graph() -> None:
    assert {"calls", "records", "errors"} <= imports_of(SRC / "context.py")
    assert "tables" in imports_of(SRC / "store.py")
    with pytest.raises(AssertionError, match="imports pipeline"):
        check_edge("filters", "pipeline")


def check_edge(folder: str, target: str) -> None:
    assert LEVELS[target] < LEVELS[folder], f"{folder} imports {target}"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_no_file_is_long_and_every_file_says_what_it_is(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "no module docstring"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_all_names_what_is_public_sorted(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    defined: set[str] = set()
    stated: list[str] | None = None
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A function that becomes a command is public as a command.
            if ".command" not in " ".join(map(ast.unparse, node.decorator_list)):
                defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if names == {"__all__"}:
                stated = ast.literal_eval(node.value) if node.value else None
            elif any(name.isupper() for name in names):
                defined |= names
    public = {name for name in defined if not name.startswith("_")}
    if file.name == "__init__.py":
        assert public <= set(stated or ())
        return
    assert stated is not None, "no __all__"
    assert set(stated) >= public, f"not in __all__: {sorted(public - set(stated))}"
    module = importlib.import_module(f"didact.{module_of(file)}")
    assert all(hasattr(module, name) for name in stated)
    assert stated == sorted(stated, key=lambda n: (not n.isupper(), not n[:1].isupper(), n))


def test_the_names_of_the_package_are_all_there() -> None:
    assert all(getattr(didact, name) is not None for name in didact.__all__)
    assert dir(didact) == didact.__all__ == sorted(didact.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = didact.nothing


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_nothing_is_pickled(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    names = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not {"pickle", "dill", "cloudpickle", "joblib"} & (names | imported)
