"""The run files of Orca, of dialogues and of Magpie: checked as a user checks them."""

from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from didact.cli import app
from didact.components import fingerprint
from didact.errors import ConfigError
from didact.recipes.dialogue import Dialogue
from didact.recipes.magpie import Magpie
from didact.recipes.orca import Orca
from didact.runfile import load

RUNS = Path(__file__).parents[2] / "runs"
RECIPES = {"orca": Orca, "dialogue": Dialogue, "magpie": partial(Magpie, family="llama-3")}


@pytest.mark.parametrize("name", RECIPES)
def test_check_finds_nothing_wrong_with_it_and_counts_its_calls(name):
    result = CliRunner().invoke(app, ["check", str(RUNS / f"{name}.yaml")])
    assert result.exit_code == 0, result.output
    assert f"generate  {name.capitalize()}\n" in result.output
    assert "not known; --pilot tells" not in result.output


@pytest.mark.parametrize("name", RECIPES)
def test_its_numbers_are_the_paper_s(name):
    [entry] = load(RUNS / f"{name}.yaml").generate
    given, own = (fingerprint(one)["settings"] for one in (entry.use, RECIPES[name]()))
    assert {key for key in own if given[key] != own[key]} <= {"samples"}


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("orca", ["generate.0.weaker=nobody"]),
        ("dialogue", ["generate.0.form=turns", "generate.0.human=nobody"]),
    ],
)
def test_a_role_that_is_missing_is_told(name, overrides):
    with pytest.raises(ConfigError, match="no role 'nobody' under models:"):
        load(RUNS / f"{name}.yaml", overrides)
