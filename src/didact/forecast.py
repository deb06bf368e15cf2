"""What a run will ask and what it will cost, before any call: who answers, and how much of it.

From each recipe's own arithmetic, and for the evaluation from its items. What asks models and says
nothing of how often is listed as not known: a pilot can tell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import cast
from urllib.parse import urlsplit

from didact import mixture
from didact.capabilities import capabilities_of, needs_of
from didact.components import name_of
from didact.config import BASE, TRAINED, RunConfig
from didact.context import Model, Recipe
from didact.estimate import Estimate, Span, Step, text_tokens
from didact.judging import asks
from didact.prices import AS_OF, FREE, Price, Prices, in_process, money, served_name
from didact.records import JSON, Example
from didact.resolve import seeds, suite_items

__all__ = [
    "Forecast",
    "Part",
    "RoleFacts",
    "answering",
    "between",
    "cost_of",
    "estimate_of",
    "forecast",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """Who answers under a role."""

    role: str
    use: str
    where: str
    """The server's address without user, password and query; "" for a model in this process."""
    model: str
    key_env: str
    """The environment variable of its key; never the key."""
    key_set: bool
    price: Price | None
    listed: bool
    """Whether the price is that of the table, not of the run file."""
    capabilities: tuple[str, ...]

    def __str__(self) -> str:
        """One line."""
        if not self.where:
            return f"{self.use} in this process, free"
        key = "no key"
        if self.key_env:
            key = f"the key {self.key_env} is {'set' if self.key_set else 'NOT SET'}"
        price = "its price is not known"
        if self.price is not None:
            source = f"the table of {AS_OF}" if self.listed else "the run file"
            price = (
                f"${self.price.input:g} in and ${self.price.output:g} out a million tokens"
                f" ({source})"
            )
        return f"{self.use} {self.model} at {self.where}; {key}; {price}"

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "role": self.role,
            "use": self.use,
            "where": self.where,
            "model": self.model,
            "key_env": self.key_env,
            "key_set": self.key_set,
            "price": [self.price.input, self.price.output] if self.price else None,
            "capabilities": list(self.capabilities),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one part of a run will ask."""

    stage: str
    part: str
    estimate: Estimate | None
    """None where the part asks models and does not say how often."""
    usd: Span | None
    """None where that or a price is not known."""
    note: str = ""

    def __str__(self) -> str:
        """One line."""
        name = f"{self.stage}/{self.part}" if self.part else self.stage
        if self.estimate is None:
            return f"{name}: not known{f' ({self.note})' if self.note else ''}; --pilot tells"
        cost = "cost not known" if self.usd is None else between(self.usd)
        note = f", {self.note}" if self.note else ""
        return f"{name}: {self.estimate.calls} calls, {self.estimate.tokens} tokens, {cost}{note}"

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        steps: list[JSON] | None = None
        if self.estimate is not None:
            steps = [step.to_json() for step in self.estimate.steps]
        return {
            "stage": self.stage,
            "part": self.part,
            "steps": steps,
            "usd": list(self.usd) if self.usd else None,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run will ask."""

    roles: Sequence[RoleFacts]
    parts: Sequence[Part]

    @property
    def usd(self) -> Span | None:
        """Money of everything that is known; None where nothing is."""
        known = [part.usd for part in self.parts if part.usd is not None]
        total = Span(0, 0)
        for span in known:
            total = total.plus(span)
        return total if known else None

    @property
    def whole(self) -> bool:
        """Whether all parts are known."""
        return all(part.usd is not None for part in self.parts)

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "roles": [role.to_json() for role in self.roles],
            "estimate": [part.to_json() for part in self.parts],
            "usd": list(self.usd) if self.usd else None,
            "whole": self.whole,
        }


def between(usd: Span) -> str:
    """Money from the least to the most."""
    low, high = money(usd.low), money(usd.high)
    return low if low == high else f"{low} to {high}"


def answering(config: RunConfig) -> list[RoleFacts]:
    """Who answers, role by role."""
    return [_facts(role, model, config.prices) for role, model in config.models.items()]


def _facts(role: str, model: Model, prices: Prices) -> RoleFacts:
    key_env = getattr(model, "key_env", None) or ""
    own = Prices(own=prices.own).of(model) != Prices().of(model)
    local = in_process(model)
    return RoleFacts(
        role=role,
        use=name_of(model),
        where="" if local else _address(str(getattr(model, "url", "its server"))),
        model="" if local else served_name(model),
        key_env=key_env,
        key_set=bool(os.environ.get(key_env, "").strip()) if key_env else False,
        price=prices.of(model),
        listed=not own,
        capabilities=tuple(sorted(capabilities_of(model))),
    )


def _address(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url.partition("?")[0]
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def forecast(config: RunConfig) -> Forecast:
    """What the run will ask, as far as arithmetic goes."""
    prices: dict[str, Price | None] = {
        role: config.prices.of(model) for role, model in config.models.items()
    }
    for role in (BASE, TRAINED):
        prices.setdefault(role, FREE)
    parts = [*_generating(config, prices), *_judging(config), *_evaluating(config, prices)]
    return Forecast(roles=answering(config), parts=parts)


def _generating(config: RunConfig, prices: Mapping[str, Price | None]) -> list[Part]:
    parts: list[Part] = []
    for entry in config.generate:
        if hasattr(entry.use, "read"):
            continue
        found = estimate_of(cast("Recipe", entry.use), seeds(entry))
        note = str(getattr(entry.use, "calls_per_example", ""))
        parts.append(
            Part(
                stage="generate",
                part=name_of(entry.use),
                estimate=found,
                usd=cost_of(found, prices) if found else None,
                note=f"calls an example: {note}" if note and found is None else "",
            )
        )
    return parts


def estimate_of(recipe: Recipe, given: Sequence[Example]) -> Estimate | None:
    """A recipe's arithmetic; None where it has none. One that asks no models makes no calls."""
    if not mixture.asks(recipe):
        return Estimate(steps=())
    estimate = getattr(recipe, "estimate", None)
    return cast("Estimate", estimate(given)) if estimate is not None else None


def cost_of(estimate: Estimate, prices: Mapping[str, Price | None]) -> Span | None:
    """The money of an estimate; None where a price is not known."""
    total = Span(0, 0)
    for step in estimate.steps:
        usd = step.usd(prices.get(step.role))
        if usd is None:
            return None
        total = total.plus(usd)
    return total


def _judging(config: RunConfig) -> list[Part]:
    note = "as many calls as there are examples to judge, or more"
    return [
        Part(stage="filter", part=name_of(component), estimate=None, usd=None, note=note)
        for component in config.filter
        if asks(component)
    ]


def _evaluating(config: RunConfig, prices: Mapping[str, Price | None]) -> list[Part]:
    evaluation = config.evaluate
    if evaluation is None:
        return []
    steps: list[Step] = []
    judged: dict[str, list[Step] | None] = {}
    for suite in evaluation.suites:
        tests = suite_items(suite)
        reply = Span(1, (suite.sampling or evaluation.sampling).max_tokens)
        if suite.asks:
            steps += [_answers(role, tests, reply) for role in evaluation.models]
        known: list[Step] = []
        for evaluator in suite.evaluators:
            estimate = getattr(evaluator, "estimate", None)
            if estimate is not None:
                asked = cast("Estimate", estimate(tests, evaluation.models, reply)).steps
                # What another evaluator asks in the same words is answered from the log.
                new = [step for step in asked if step not in known]
                known += new
                found = judged.setdefault(name_of(evaluator), [])
                if found is not None:
                    found += new
            elif isinstance(getattr(evaluator, "model", None), str) or needs_of(evaluator):
                judged[name_of(evaluator)] = None
    parts = [_evaluated("", steps, prices)]
    return [*parts, *(_evaluated(name, asked, prices) for name, asked in judged.items())]


def _answers(role: str, tests: Sequence[Example], reply: Span) -> Step:
    """What a role is asked; its own answers stand before the later turns of an item."""
    calls = sum(test.answers_asked for test in tests)
    before = sum(comb(test.answers_asked, 2) for test in tests) / max(calls, 1)
    prompt = text_tokens(["\n".join(turn.content for turn in test.prompt) for test in tests])
    return Step(
        name="answers",
        role=role,
        calls=Span(calls, calls),
        prompt=prompt.plus(reply.times(Span(before, before))),
        reply=reply,
    )


def _evaluated(name: str, steps: Sequence[Step] | None, prices: Mapping[str, Price | None]) -> Part:
    if steps is None:
        note = "it asks a model about answers"
        return Part(stage="evaluate", part=name, estimate=None, usd=None, note=note)
    found = Estimate(steps=tuple(steps))
    note = "fewer where answers are the same" if name else ""
    if name and not steps:
        note = "another evaluator asks the same"
    return Part(stage="evaluate", part=name, estimate=found, usd=cost_of(found, prices), note=note)
