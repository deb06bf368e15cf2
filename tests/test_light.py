from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "torch", "transformers", "trl", "peft", "datasets", "ray", "matplotlib", "textblob", "nltk",
    "numba", "sentence_transformers", "pandas", "scipy",
}  # fmt: skip


def loaded_by(statement: str) -> tuple[float, set[str]]:
    """Processor seconds that a statement takes in a fresh interpreter, and what it loads."""
    script = (
        "import json, sys, time; start = time.process_time()\n"
        f"{statement}\n"
        "print(json.dumps([time.process_time() - start,"
        " sorted({name.split('.')[0] for name in sys.modules})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    seconds, modules = json.loads(done.stdout)
    return seconds, set(modules)


def test_importing_didact_is_light_and_fast() -> None:
    seconds, modules = loaded_by("import didact")
    assert not modules & {*HEAVY, "numpy", "pyarrow", "pydantic", "yaml", "aiohttp"}
    assert seconds < 0.5


def test_using_every_public_name_loads_nothing_heavy() -> None:
    _, modules = loaded_by("import didact; [getattr(didact, name) for name in didact.__all__]")
    assert "pyarrow" in modules
    assert not modules & HEAVY


def test_finding_every_component_loads_nothing_heavy() -> None:
    statement = (
        "from didact.components import KINDS, find, names\n"
        "for kind in KINDS:\n    for name in names(kind):\n        find(kind, name)"
    )
    _, modules = loaded_by(statement)
    assert not modules & (HEAVY - {"numba"})
