"""What docs/training.md names is there: settings, templates, masks, proofs, sources, options."""

import dataclasses
import re
from pathlib import Path

from didact.components import names
from didact.recipes.best_of_n import BestOfN
from didact.text.loss_masks import MASKS
from didact.text.templates import TEMPLATES
from didact.trainers.dpo import DPO
from didact.trainers.sft import SFT

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")


def settings(component):
    return {field.name for field in dataclasses.fields(component)}


def part(title):
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_setting_it_names_is_one():
    trained = part("What is trained")
    for name in re.findall(r"`(\w+): [\w.]+`", trained):
        assert name in settings(SFT), name
    for name in ("lora", "alpha", "targets", "lora_dropout", "bucketing", "gradient_checkpointing"):
        assert f"`{name}`" in trained
        assert name in settings(SFT)
    assert "per_token" in settings(DPO)


def test_it_names_every_template_and_the_masks_that_differ():
    named = part("What is trained").partition("`template:`")[2].partition("; it is")[0]
    assert set(re.findall(r"`([\w-]+)`", named)) == set(TEMPLATES)
    other = {name for name, mask in MASKS.items() if not mask.own}
    assert other == {"alpaca-lora", "guanaco"}
    assert all(f"`{name}`" in PAGE for name in other)


def test_every_proof_is_explained():
    rows = set(re.findall(r"^\| (\w+) \|", part("Before a long job"), re.MULTILINE)) - {"proof"}
    assert rows == {
        "template", "mask", "border", "stop", "truncation", "accumulation", "packing", "adapter",
        "start",
    }  # fmt: skip


def test_where_pairs_come_from_is_there():
    pairs = part("Pairs")
    (line,) = [line for line in pairs.splitlines() if "the sources" in line]
    named = set(re.findall(r"`([\w-]+)`", line))
    assert named
    assert named <= set(names("sources"))
    assert "`best-of-n`" in pairs
    assert "best-of-n" in names("recipes")
    assert {"model", "reward", "samples"} <= settings(BestOfN)
