"""What made a stage: versions of Python and the packages, and the commits of the code.

It stands in ``stage.json`` under ``made_with``, so that a number can be cited with the software
behind it. It is told, not compared: another version makes no stage anew. No clock; git is asked
once in a process, which goes on with the code it began with.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from didact.records import JSON

__all__ = ["environment", "environment_line", "extra_of"]

_PACKAGES = (
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "numpy",
    "numba", "pyarrow", "pydantic", "aiohttp", "openvino", "vllm", "ray", "sentence-transformers",
)  # fmt: skip


_EXTRAS = {
    "train": ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "huggingface_hub"),
    "text": ("textblob", "py3langid", "rensa"),
    "web": ("starlette", "uvicorn", "markdown_it"),
    "embed": ("sentence_transformers",),
    "scale": ("ray",),
}


def extra_of(module: str) -> str | None:
    """The extra of didact that brings a module; None where none does."""
    top = module.partition(".")[0]
    return next((extra for extra, modules in _EXTRAS.items() if top in modules), None)


def environment() -> dict[str, JSON]:
    """Versions as they are now; a commit is null outside of git, ``+`` means changed since."""
    return {
        "didact": _version("didact") or "from source",
        "didact_commit": _commit(Path(__file__).parent),
        "project_commit": _commit(Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def environment_line(made_with: Mapping[str, Any]) -> str:
    """It in one line, for people."""
    commit = f" ({made_with['didact_commit']})" if made_with.get("didact_commit") else ""
    parts = [f"didact {made_with['didact']}{commit}", f"Python {made_with['python']}"]
    packages = cast("Mapping[str, str]", made_with["packages"])
    parts += [f"{name} {packages[name]}" for name in _PACKAGES[:4] if name in packages]
    if made_with.get("project_commit") not in (None, made_with.get("didact_commit")):
        parts.append(f"run from commit {made_with['project_commit']}")
    return ", ".join(parts)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def _commit(folder: Path) -> str | None:
    """The commit that a folder is at, with ``+`` where tracked files have changed since."""
    # A package that was installed lies in nobody's repository, but perhaps below one.
    if "site-packages" in folder.parts:
        return None
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if changed else head


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says; None where there is no git, no repository or no answer in time."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
