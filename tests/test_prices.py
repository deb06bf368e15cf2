from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pytest

from didact.models.openai import OpenAI
from didact.models.scripted import Scripted
from didact.prices import AS_OF, FREE, TABLE, Price, Prices
from didact.records import Usage

MILLION = Usage(prompt=1_000_000, completion=1_000_000)


@pytest.mark.parametrize(
    ("name", "usd"),
    [
        ("gpt-4o-mini", 0.75),
        ("gpt-4o-mini-2024-07-18", 0.75),
        ("openai:gpt-4o-mini", 0.75),
        ('openai:gpt-4o-mini+{"n":1}', 0.75),
        ("openai/gpt-4o-mini", 0.75),
        ("claude-haiku-4-5-20251001", 6.0),
        ("gpt-4o-mini-audio-preview", None),
        ("ft:gpt-4o-mini:mine", None),
        ("gpt-oss-20b", None),
    ],
)
def test_the_table_knows_a_model_and_its_dated_versions_and_nothing_that_only_begins_alike(
    name: str, usd: float | None
) -> None:
    found = Prices().usd(name, MILLION)
    assert found == (pytest.approx(usd) if usd is not None else None)


def test_the_table_is_dated_and_every_price_is_above_zero() -> None:
    assert date.fromisoformat(AS_OF) > date(2026, 1, 1)
    assert all(0 < price.input <= price.output for price in TABLE.values())


def test_a_price_of_the_run_file_comes_first_the_exact_name_before_a_pattern() -> None:
    own = {
        "gpt-*": Price(input=1, output=1),
        "gpt-4o-mini": Price(input=2, output=2),
    }
    prices = Prices(own=own)
    assert prices.usd("gpt-4o-mini", MILLION) == 4
    assert prices.usd("gpt-4o", MILLION) == 2
    assert prices.usd("o3", MILLION) == 10


def test_what_runs_in_this_process_is_free_and_a_server_is_not_wherever_it_stands() -> None:
    prices = Prices()
    assert prices.of(Scripted(replies=("a",))) == FREE
    assert prices.of(OpenAI(model="my-model", url="http://localhost:8000/v1")) is None
    assert prices.of(OpenAI(model="gpt-4o", url="http://localhost:8000/v1")) == TABLE["gpt-4o"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """A model of one's own."""

    model: str = "gpt-4o"
    identity: ClassVar[str] = "mine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batched(Mine):
    """A batch API."""

    half_price: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Here(Mine):
    """One that runs here."""

    local: ClassVar[bool] = True


def test_a_batch_api_costs_half_of_the_table_and_all_of_what_the_run_file_says() -> None:
    assert Prices().of(Mine()) == Price(input=2.5, output=10)
    assert Prices().of(Batched()) == Price(input=1.25, output=5)
    own = Prices(own={"gpt-4o": Price(input=1, output=2)})
    assert own.of(Batched()) == Price(input=1, output=2)


def test_a_model_of_ones_own_is_not_taken_for_free_unless_it_says_so() -> None:
    assert Prices().of(Mine(model="unheard-of")) is None
    assert Prices().of(Here(model="unheard-of")) == FREE
