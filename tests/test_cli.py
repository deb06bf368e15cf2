"""The commands as a user meets them: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN_FILE = """\
name: small
models:
  teacher: {use: scripted, replies: ["alpha", "beta", "gamma"]}
generate:
  - {use: ./my_recipe.py, seeds: seeds.jsonl}
filter: [parsable]
"""


def didact(*arguments: object, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from didact.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, **options
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = didact("new", "recipe", "my_recipe", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    rows = [{"instruction": f"Say {n}.", "output": str(n)} for n in range(4)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "small.yaml").write_text(RUN_FILE)
    return tmp_path


def test_a_scaffolded_recipe_runs_resumes_and_is_shown(folder):
    first = didact("run", "small.yaml", folder=folder)
    assert first.returncode == 0, first.stderr
    assert "4 calls made" in first.stderr
    assert "next" in first.stderr
    again = didact("run", "small.yaml", folder=folder)
    assert again.returncode == 0
    assert "nothing changed" in again.stderr
    assert (folder / "out/small/report.html").is_file()
    shown = json.loads(didact("show", "out/small", "--json", folder=folder).stdout)
    assert shown["stages"]["generate"]["kept"] >= 1
    listed = didact("show", "out/small", folder=folder).stdout
    one = next(line.split()[0] for line in listed.splitlines() if "=>" in line)
    life = didact("show", "out/small", one, folder=folder)
    assert life.returncode == 0
    for word in ("parent", "--- prompt", "--- reply", "dropped: "):
        assert word in life.stdout
    assert json.loads(didact("show", "out/small", one, "--json", folder=folder).stdout)["calls"]
    dropped = didact("show", "out/small", "--dropped-by", "parsable", folder=folder)
    assert "parsable dropped" in dropped.stdout


def test_check_tells_every_problem_at_once_with_its_line(folder):
    text = RUN_FILE.replace("filter:", "filtre:").replace("seeds.jsonl", "sedes.jsonl")
    (folder / "bad.yaml").write_text(text)
    bad = didact("check", "bad.yaml", folder=folder)
    assert bad.returncode == 2
    assert "Traceback" not in bad.stderr
    assert "did you mean filter?" in bad.stderr
    assert "bad.yaml:6" in bad.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("replies:", "replys:"), "replies"),
        (("seeds.jsonl", "nowhere.jsonl"), "no such file"),
        (("parsable", "parseable"), "parsable"),
    ],
)
def test_a_typo_is_told_with_what_to_do(folder, change, says):
    text = RUN_FILE.replace(*change)
    (folder / "typo.yaml").write_text(text)
    result = didact("run", "typo.yaml", folder=folder)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "out").exists()


def test_a_base_that_is_no_model_is_told_before_any_work(folder):
    (folder / "nomodel").mkdir()
    text = RUN_FILE + "train: {use: sft, base: ./nomodel}\n"
    (folder / "base.yaml").write_text(text)
    result = didact("run", "base.yaml", folder=folder)
    assert result.returncode == 2
    assert "nomodel is no model" in result.stderr
    assert not (folder / "out").exists()


def test_an_empty_seed_file_and_a_corrupt_line_are_config_errors(folder):
    (folder / "seeds.jsonl").write_text("")
    empty = didact("run", "small.yaml", folder=folder)
    assert empty.returncode == 2
    assert "seeds.jsonl" in empty.stderr
    (folder / "seeds.jsonl").write_text('{"instruction": "Say 1.", "output": "1"}\n{"instru\n')
    corrupt = didact("run", "small.yaml", folder=folder)
    assert corrupt.returncode == 2
    assert "seeds.jsonl, line 2" in corrupt.stderr


def test_a_truncated_call_log_is_told_and_kept(folder):
    assert didact("generate", "small.yaml", folder=folder).returncode == 0
    log = folder / "out/small/calls.db"
    log.write_bytes(log.read_bytes()[:3000])
    size = log.stat().st_size
    again = didact("generate", "small.yaml", "seed=1", folder=folder)
    assert again.returncode == 1
    assert "calls.db" in again.stderr
    assert "Traceback" not in again.stderr
    assert log.stat().st_size == size


def test_a_budget_stops_with_its_own_code_and_goes_on_when_raised(folder):
    stopped = didact("generate", "small.yaml", "budget.calls=2", folder=folder)
    assert stopped.returncode == 3
    assert "budget" in stopped.stderr
    resumed = didact("generate", "small.yaml", "budget.calls=10", folder=folder)
    assert resumed.returncode == 0
    assert "2 calls made, 2 replayed" in resumed.stderr


def test_a_missing_key_has_a_code_of_its_own_and_loses_nothing(folder):
    model = "models.teacher={use: openai, model: mine, key_env: A_KEY_THAT_IS_NOT_SET}"
    stopped = didact("generate", "small.yaml", model, folder=folder)
    assert stopped.returncode == 4
    assert "A_KEY_THAT_IS_NOT_SET" in stopped.stderr
    assert "run the same command to continue" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_budget_of_money_needs_a_price_and_stops_with_the_code_of_a_budget(folder):
    model = "models.teacher={use: openai, model: mine}"
    unknown = didact("run", "small.yaml", model, "budget.usd=1", folder=folder)
    assert unknown.returncode == 2
    assert "needs the price of 'mine'" in unknown.stderr
    assert "prices: {mine: {input: 0.15, output: 0.6}}" in unknown.stderr
    assert not (folder / "out").exists()
    # A dollar a token: the scripted model counts words.
    prices = "prices={scripted-*: {input: 1000000, output: 1000000}}"
    stopped = didact("generate", "small.yaml", prices, "budget.usd=300", folder=folder)
    assert stopped.returncode == 3
    assert "raise budget.usd" in stopped.stderr
    more = didact("generate", "small.yaml", prices, "budget.usd=30000", folder=folder)
    assert more.returncode == 0, more.stderr
    shown = json.loads(didact("show", "out/small", "--json", folder=folder).stdout)
    assert shown["ledger"]["logged"]["usd"] > 0
    assert shown["ledger"]["logged"]["made"] == 4


def test_check_tells_who_answers_and_what_it_comes_to_and_a_pilot_asks_first(folder):
    checked = didact("check", "small.yaml", folder=folder)
    assert checked.returncode == 0, checked.stderr
    assert "teacher: scripted in this process, free" in checked.stdout
    assert "generate/my-recipe" in checked.stdout or "my_recipe" in checked.stdout
    assert not (folder / "out").exists()
    asked = didact("check", "small.yaml", "--pilot", folder=folder, input="n\n")
    assert asked.returncode == 0
    assert "[y/N]" in asked.stderr
    assert not (folder / "out").exists()
    done = didact("check", "small.yaml", "--pilot", "--yes", "--json", folder=folder)
    (pilot,) = json.loads(done.stdout)["pilot"]
    assert (pilot["made"], pilot["finished"]) == (4, True)
    assert "0 calls made, 4 replayed" in didact("generate", "small.yaml", folder=folder).stderr


def test_ctrl_c_ends_with_130_and_loses_nothing(folder):
    recipe = folder / "my_recipe.py"
    slow = recipe.read_text().replace(
        "            reply =",
        "            await asyncio.sleep(0.4 * int(seed.output))\n            reply =",
    )
    future = "from __future__ import annotations\n"
    recipe.write_text(slow.replace(future, future + "\nimport asyncio\n"))
    command = [
        sys.executable,
        "-c",
        "from didact.cli import main; main()",
        "generate",
        "small.yaml",
    ]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    log = folder / "out/small/calls.db-wal"
    deadline = time.monotonic() + 200
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=200)
    if process.returncode == 0:
        pytest.skip("it was done before the signal came")
    assert process.returncode == 130
    assert "run the same command to continue" in stderr
    assert "Traceback" not in stderr
    assert didact("generate", "small.yaml", folder=folder).returncode == 0


def test_list_names_every_component_and_its_settings(folder):
    listed = didact("list", folder=folder).stdout
    for name in ("self-instruct", "novelty", "openai", "sft", "rouge", "microworld"):
        assert name in listed
    one = didact("list", "filter", "novelty", folder=folder)
    assert "default" in one.stdout
    kinds = json.loads(didact("list", "--json", folder=folder).stdout)
    assert set(kinds) >= {"models", "recipes", "filters"}
    assert didact("list", "filtre", folder=folder).returncode == 2


@pytest.mark.parametrize(
    "kind", ["recipe", "filter", "source", "model", "trainer", "evaluator", "suite"]
)
def test_every_scaffold_is_a_component_that_can_be_built(kind, tmp_path):
    made = didact("new", kind, "mine", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    from didact.components import describe, find

    component = find(f"{kind}s", "mine.py", folder=tmp_path)
    assert all(field.doc for field in describe(component))
    assert didact("new", kind, "mine", folder=tmp_path).returncode == 2


def test_help_names_the_commands(folder):
    text = didact("--help", folder=folder).stdout
    stages = ("run", "generate", "filter", "train", "evaluate")
    for command in (*stages, "quickstart", "show", "report", "list", "new", "check", "chat"):
        assert command in text


def test_a_disk_that_is_full_for_a_library_is_told_without_a_traceback(folder):
    made = didact("new", "filter", "writing", folder=folder)
    assert made.returncode == 0, made.stderr
    source = (folder / "writing.py").read_text()
    broken = source.replace(
        '"""Drop', 'raise OSError(28, "No space left on device", "cache.bin")\n        """Drop'
    )
    assert broken != source
    (folder / "writing.py").write_text(broken)
    file = folder / "small.yaml"
    file.write_text(file.read_text().replace("[parsable]", "[./writing.py]"))
    stopped = didact("run", "small.yaml", folder=folder)
    assert stopped.returncode == 1
    assert "cache.bin: the disk is full" in stopped.stderr
    assert "Traceback" not in stopped.stderr
