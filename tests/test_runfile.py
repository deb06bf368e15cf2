from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from didact.config import Evaluation, Generation, RunConfig
from didact.context import Budget
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.prices import Price, Prices
from didact.records import Sampling
from didact.runfile import load

RECIPE = '''
"""A recipe of one's own."""
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
__all__ = ["Mine"]

@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """Mine."""
    target: int = 5
    """How many."""
    words: Path | None = None
    """A file."""
    model: str = "teacher"
    """Whom to ask."""

    async def run(self, ctx, seeds):
        yield
'''

FILTER = RECIPE.replace(
    "    async def run(self, ctx, seeds):", "    def check(self, example):"
).replace('    model: str = "teacher"\n    """Whom to ask."""\n', "")

GOOD = """
name: good
seed: 4
budget: {calls: 10}
models:
  teacher: {use: scripted, replies: [a, b]}
generate:
  - {use: ./mine.py, seeds: builtin, target: 3, cap: 2, words: data/words.txt}
filter: [{use: ./kind.py, target: 1}]
evaluate: {on: data/items.jsonl, models: [teacher], sampling: {temperature: 0.5}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "mine.py").write_text(RECIPE)
    (tmp_path / "kind.py").write_text(FILTER)
    (tmp_path / "data/words.txt").write_text("a")
    (tmp_path / "data/items.jsonl").write_text('{"instruction": "a", "input": "", "output": "b"}\n')
    return tmp_path


def written(folder: Path, text: str, *overrides: str) -> RunConfig:
    (folder / "run.yaml").write_text(text)
    return load(folder / "run.yaml", overrides)


def refused(folder: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        written(folder, text, *overrides)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_run_file_becomes_components_and_values(folder: Path) -> None:
    config = written(folder, GOOD)
    assert (config.name, config.seed, config.budget) == ("good", 4, Budget(calls=10))
    assert config.models == {"teacher": Scripted(replies=("a", "b"))}
    (entry,) = config.generate
    assert (entry.seeds, entry.cap) == ("builtin", 2)
    use: Any = entry.use
    assert (use.target, use.words) == (3, folder / "data/words.txt")
    assert config.evaluate is not None
    assert config.evaluate.on == folder / "data/items.jsonl"
    assert config.evaluate.sampling == Sampling(max_tokens=128, temperature=0.5)


def test_overrides_of_the_command_line_win(folder: Path) -> None:
    config = written(folder, GOOD, "seed=9", "generate.0.target=7")
    use: Any = config.generate[0].use
    assert (config.seed, use.target) == (9, 7)


def test_the_run_opens_again_from_its_own_run_yaml_and_names_no_absolute_path(folder: Path) -> None:
    config = written(folder, GOOD, "seed=9")
    run = folder / "runs/good"
    run.mkdir(parents=True)
    text = config.to_yaml(run)
    assert str(folder) not in text
    (run / "run.yaml").write_text(text)
    again = load(run / "run.yaml")
    assert again.seed == 9
    before: Any = config.generate[0].use
    after: Any = again.generate[0].use
    assert after.words.resolve() == before.words.resolve()
    assert (again.models, again.budget) == (config.models, config.budget)


def test_a_config_written_in_python_becomes_a_run_file(folder: Path) -> None:
    loaded = written(folder, GOOD)
    config = RunConfig(
        name="python",
        models={"teacher": Scripted(replies=("a",))},
        generate=(Generation(use=loaded.generate[0].use, seeds="builtin", cap=3),),
        evaluate=Evaluation(on=folder / "data/items.jsonl", models=("teacher",)),
    )
    text = config.to_yaml(folder)
    assert "use: scripted" in text
    (folder / "again.yaml").write_text(text)
    assert load(folder / "again.yaml").models == config.models


def test_everything_wrong_is_told_at_once_each_with_its_line(folder: Path) -> None:
    problems = refused(
        folder,
        """
name: bad
models:
  teacher: {use: scriptd}
  judge: {use: scripted, ordr: request}
generate:
  - use: ./mine.py
    seeds: nowhere.jsonl
    target: many
    words: gone.txt
    model: studnt
filter: [lenth]
evaluate: {on: gone.jsonl, models: [base, judge], with: [roug]}
""",
    )
    told = "\n".join(problems)
    for line, keys, message in (
        (4, "models.teacher.use", "no 'scriptd' in models; did you mean scripted?"),
        (5, "models.judge.ordr", "unknown setting; did you mean order?"),
        (8, "generate.0.seeds", "no such file: nowhere.jsonl"),
        (9, "generate.0.target", 'should be a valid integer, not "many"'),
        (10, "generate.0.words", "no such file: gone.txt"),
        (12, "filter.0.use", "no 'lenth' in filters"),
        (13, "evaluate.on", "no such file: gone.jsonl"),
        (13, "evaluate.with.0.use", "no 'roug' in evaluators; did you mean rouge?"),
        (13, "evaluate.models.0", "no role 'base'"),
    ):
        assert f"run.yaml:{line}: {keys}: {message}" in told
    assert len(problems) == 9


def test_unknown_and_mistyped_keys_of_the_file_itself_are_told(folder: Path) -> None:
    problems = refused(
        folder, "sed: 1\nseed: x\ngenerat: []\nevaluate: {one: x}\nbudget: {euro: 5}\n"
    )
    told = "\n".join(problems)
    assert "run.yaml:1: sed: unknown key; did you mean seed?" in told
    assert "run.yaml:2: seed: should be a whole number, not 'x'" in told
    assert "run.yaml:3: generat: unknown key; did you mean generate?" in told
    assert "run.yaml:4: evaluate.one: unknown key; did you mean on?" in told
    assert "run.yaml:4: evaluate.on: missing" in told
    assert "run.yaml:5: budget.euro: unknown key (there are: usd, calls, tokens)" in told


def test_a_problem_of_an_override_points_at_the_command_line(folder: Path) -> None:
    assert refused(folder, GOOD, "generate.0.target=x") == [
        'command line: generate.0.target: should be a valid integer, not "x"'
    ]


def test_a_role_that_a_component_asks_must_be_there(folder: Path) -> None:
    problems = refused(folder, GOOD, "generate.0.model=techer")
    assert problems == ["command line: generate.0.model: no role 'techer' under models:; did you"
                        " mean teacher?"]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generate.0.cap=0", "a number of examples, not 0"),
        ("generate.0.use=[1]", "needs `use: <name>`"),
        ("train=nope", "no 'nope' in trainers"),
        ("train={use: sft, base: ./gone}", "train.base: no such file"),
        ("models.teacher={use: transformers, path: ./gone}", "no such file"),
        (
            "models.teacher={use: transformers, path: out/gone}",
            "models.teacher.path: no such file: out/gone",
        ),
        ("train={use: sft, base: out/gone}", "train.base: no such file: out/gone"),
    ],
)
def test_other_mistakes(folder: Path, override: str, message: str) -> None:
    assert message in "\n".join(refused(folder, GOOD, override))


def test_another_run_stands_for_its_trained_model(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "run.yaml").write_text("name: other\n")
    student = "models.student={use: transformers, path: other}"
    assert "has trained no model yet" in "\n".join(refused(folder, GOOD, student))
    (other / "train/model").mkdir(parents=True)
    (other / "train/stage.json").write_text(json.dumps({"model": "model"}))
    model: Any = written(folder, GOOD, student).models["student"]
    assert Path(model.path) == (other / "train/model").resolve()


def test_a_run_without_a_name_is_called_after_its_file(folder: Path) -> None:
    assert written(folder, "seed: 1").name == "run"


NEEDY = RECIPE.replace(
    '    model: str = "teacher"\n',
    """    needs: ClassVar = {"model": frozenset({"completion"}), "judge": frozenset({"chat"})}
    judge: str | None = None
    \"\"\"Whom to ask what is better.\"\"\"
    model: str = "teacher"
""",
).replace("from pathlib import Path", "from pathlib import Path\nfrom typing import ClassVar")
ABLE = '''
"""A model that can do one thing."""
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
__all__ = ["Able"]

@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """Able."""
    identity: ClassVar[str] = "able"
    capabilities: ClassVar[frozenset[str]] = frozenset({"chat"})
'''


def test_a_model_that_cannot_do_what_a_component_needs_is_told_before_any_call(
    folder: Path,
) -> None:
    (folder / "needy.py").write_text(NEEDY)
    (folder / "able.py").write_text(ABLE)
    text = """
models:
  teacher: {use: ./able.py}
  other: {use: scripted, replies: [a]}
generate:
  - use: ./needy.py
    model: teacher
"""
    assert refused(folder, text) == [
        "run.yaml:7: generate.0.model: role 'teacher' must be able to do completion, and Able can"
        " only do chat; of the roles here other can"
    ]
    assert written(folder, text, "generate.0.model=other").generate
    problems = refused(folder, text, "generate.0.model=other", "generate.0.judge=juge")
    assert "generate.0.judge: no role 'juge'" in problems[0]


def test_a_budget_of_money_needs_a_price_for_every_model_that_is_billed(folder: Path) -> None:
    text = "budget: {usd: 5}\nmodels:\n  teacher: {use: openai, model: mine}\n"
    (problem,) = refused(folder, text)
    assert problem.startswith("run.yaml:3: models.teacher: budget.usd needs the price of 'mine'")
    config = written(folder, text + "prices: {mine: {input: 0.1, output: 1}}\n")
    assert config.budget == Budget(usd=5)
    assert config.prices == Prices(own={"mine": Price(input=0.1, output=1)})
    run = folder / "run"
    run.mkdir()
    (run / "run.yaml").write_text(replace(config, document=None).to_yaml(run))
    assert load(run / "run.yaml").prices == config.prices
    assert written(folder, text.replace("openai, model: mine", "embedded")).budget


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ("{mine: {input: 1}}", "prices.mine.output: missing"),
        ("{mine: {input: -1, output: 1}}", "prices.mine.input: should be greater than or equal"),
        ("{mine: {imput: 1, input: 1, output: 1}}", "imput: unknown key; did you mean input"),
    ],
)
def test_a_mistake_in_a_price_is_told(folder: Path, prices: str, message: str) -> None:
    assert message in "\n".join(refused(folder, f"prices: {prices}\n"))
