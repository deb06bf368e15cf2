"""The pages that are generated are current, and the README's run file is one."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def test_generated_pages_are_current():
    made = runpy.run_path(str(ROOT / "scripts/docs.py"))
    for name in ("components", "methods", "cli"):
        page = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
        assert page == made[name](), f"docs/{name}.md is stale: make docs"


def test_every_recipe_stands_beside_its_paper():
    from didact.components import find, names

    measured = json.loads((ROOT / "benchmarks/methods.json").read_text(encoding="utf-8"))
    # A recipe that is new is not measured yet, and the page says "no run".
    assert set(measured) <= set(names("recipes"))
    assert len(measured) >= 14
    for name, found in measured.items():
        recipe = find("recipes", name)
        assert recipe.paper
        assert recipe.calls_per_example
        assert found["rows"]
        assert all(len(row) == 4 for row in found["rows"])
        if recipe.calls_per_example != "none":
            assert found["calls"] > 0


def test_every_run_file_reads_but_for_data_that_the_user_brings():
    from didact.errors import ConfigError
    from didact.runfile import load

    found = sorted((ROOT / "runs").rglob("*.yaml"))
    assert found
    whole = 0
    for file in found:
        try:
            assert load(file).generate
            whole += 1
        except ConfigError as error:
            problems = str(error).splitlines()
            wanting = [one for one in problems if re.search("no such file|is not a model", one)]
            assert problems == wanting, file
    assert whole > 8


def test_the_readme_run_file_reads(tmp_path):
    from didact.runfile import load

    block = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert block
    text = block[1].replace("some/base-model", "embedded")
    for name in re.findall(r"[\w.]+\.jsonl", text):
        (tmp_path / name).write_text("{}\n")
    (tmp_path / "mine.yaml").write_text(text)
    assert set(yaml.safe_load(text)) == {"models", "generate", "filter", "train", "evaluate"}
    assert load(tmp_path / "mine.yaml").evaluate


def test_the_page_on_adding_a_component_shows_what_the_scaffold_writes(tmp_path):
    from didact.scaffold import scaffold

    written = scaffold("filter", "short_answers", tmp_path).read_text(encoding="utf-8")
    page = (ROOT / "docs/adding.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.S)
    assert code
    assert code[1] in written
