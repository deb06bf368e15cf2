"""What calls cost: one dated table, which a run file overrides, and what is not billed at all.

USD per million tokens, for prompts up to 100,000 tokens (some providers ask more for longer ones),
without discounts for cached prompts: a bill may be lower. The table is of `AS_OF`: it was read from
the public list in litellm 1.109.1 and compared with what providers' documentation and other lists
print; no provider's own price page was at hand. Prices change: look, and say yours in the run file:

    prices:
      my-model: {input: 0.15, output: 0.6}

The key is the model's name as its server knows it; `*` stands for any characters. A model that runs
in this process costs nothing. A model that declares `half_price = True` (a batch API) costs half of
what the table says; a price of the run file is taken as it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from didact.records import Usage

__all__ = [
    "AS_OF",
    "FREE",
    "TABLE",
    "Price",
    "Priced",
    "Prices",
    "in_process",
    "money",
    "served_name",
]

AS_OF = "2026-11-20"
"""The day on which the table was looked up."""


class Priced(Protocol):
    """A model, as far as its price goes."""

    @property
    def identity(self) -> str:
        """What answers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens."""

    input: float
    """Of prompts."""
    output: float
    """Of replies, what a model thinks in silence included."""

    def usd(self, usage: Usage) -> float:
        """What a call of this size costs."""
        return (usage.prompt * self.input + usage.completion * self.output) / 1e6

    def halved(self) -> Price:
        """What a batch API asks."""
        return Price(input=self.input / 2, output=self.output / 2)


FREE = Price(input=0.0, output=0.0)
"""Of what runs on one's own machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of a run: its own first, then the table."""

    own: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """By name or pattern, as the run file says."""

    def usd(self, model: str, usage: Usage) -> float | None:
        """What a call costs, by the model's name or identity; None where no price is known."""
        price = self._own(_names(model)) or _listed(_names(model))
        return price.usd(usage) if price else None

    def of(self, model: Priced) -> Price | None:
        """The price of a model; None where it is not known."""
        here = in_process(model)
        if not self.own and here:
            # Its identity may be a hash of weights, or of files that are not on this machine.
            return FREE
        own = self._own((served_name(model), model.identity))
        if own is not None:
            return own
        if here:
            return FREE
        listed = _listed((served_name(model),))
        if listed is not None and getattr(model, "half_price", False) is True:
            return listed.halved()
        return listed

    def unknown(self, models: Mapping[str, Priced]) -> dict[str, str]:
        """What to say of each role whose price is not known, where money is limited."""
        return {
            role: (
                f"budget.usd needs the price of {served_name(model)!r}, which is not in the table"
                f" of {AS_OF}; give it, in USD per million tokens: prices:"
                f" {{{served_name(model)}: {{input: 0.15, output: 0.6}}}}"
            )
            for role, model in models.items()
            if self.of(model) is None
        }

    def _own(self, names: Iterable[str]) -> Price | None:
        for name in names:
            if name in self.own:
                return self.own[name]
        for pattern, price in self.own.items():
            if any(fnmatchcase(name, pattern) for name in names):
                return price
        return None


def money(usd: float | None) -> str:
    """An amount as a person reads it: cents from a dollar up, below it four digits that count."""
    if usd is None:
        return "unknown"
    if usd == 0 or usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.{3 - math.floor(math.log10(usd))}f}" if usd >= 1e-6 else "under $0.000001"


def served_name(model: Priced) -> str:
    """The name its server has for a model; its identity where it has no server."""
    name = getattr(model, "model", None)
    return name if isinstance(name, str) else model.identity


def in_process(model: Priced) -> bool:
    """Whether a model runs here and sends nothing to anybody, so that no call is billed.

    A model of one's own says so with ``local: ClassVar[bool] = True``.
    """
    stated = getattr(model, "local", None)
    if isinstance(stated, bool):
        return stated
    ours = type(model).__module__.startswith("didact.models.")
    return ours and not hasattr(model, "url")


def _names(identity: str) -> tuple[str, ...]:
    """A name, and what it is without the component and the settings that an identity adds."""
    plain = identity.partition("+{")[0]
    return (identity, plain, plain.partition(":")[2]) if ":" in plain else (identity, plain)


def _listed(names: Iterable[str]) -> Price | None:
    for name in names:
        bare = re.sub(_SNAPSHOT, "", name.rpartition("/")[2].lower())
        if bare in TABLE:
            return TABLE[bare]
    return None


_SNAPSHOT = r"(-\d{4}-\d{2}-\d{2}|-\d{8}|-latest)$"
"""What a provider adds to the name of a dated version, which costs the same."""


def _table(text: str) -> dict[str, Price]:
    rows = (line.split() for line in text.split("\n") if line.strip())
    return {name: Price(input=float(given), output=float(got)) for name, given, got in rows}


TABLE: Mapping[str, Price] = _table("""
gpt-3.5-turbo            0.50    1.50
gpt-4                   30.00   60.00
gpt-4-turbo             10.00   30.00
gpt-4o                   2.50   10.00
gpt-4o-mini              0.15    0.60
gpt-4.1                  2.00    8.00
gpt-4.1-mini             0.40    1.60
gpt-4.1-nano             0.10    0.40
gpt-5                    1.25   10.00
gpt-5-mini               0.25    2.00
gpt-5-nano               0.05    0.40
gpt-5-pro               15.00  120.00
gpt-5.1                  1.25   10.00
gpt-5.2                  1.75   14.00
gpt-5.4                  2.50   15.00
gpt-5.4-mini             0.75    4.50
gpt-5.4-nano             0.20    1.25
gpt-5.5                  5.00   30.00
gpt-6-astra             10.00   50.00
gpt-6-sol                2.00   10.00
gpt-6-luna               0.10    0.50
gpt-6.1-sol              2.00   10.00
gpt-6.1-terra            1.00    5.00
o1                      15.00   60.00
o3                       2.00    8.00
o3-mini                  1.10    4.40
o4-mini                  1.10    4.40
claude-opus-4-1         15.00   75.00
claude-opus-4-5          5.00   25.00
claude-opus-4-6          5.00   25.00
claude-opus-4-7          5.00   25.00
claude-opus-4-8          5.00   25.00
claude-opus-5            5.00   25.00
claude-opus-5-5          4.00   20.00
claude-sonnet-4          3.00   15.00
claude-sonnet-4-5        3.00   15.00
claude-sonnet-4-6        3.00   15.00
claude-sonnet-5          2.00   10.00
claude-sonnet-5-5        2.00   10.00
claude-haiku-4-5         1.00    5.00
claude-haiku-5-5         0.10    0.50
gemini-2.5-pro           1.25   10.00
gemini-2.5-flash         0.30    2.50
gemini-2.5-flash-lite    0.10    0.40
gemini-3.5-flash         1.50    9.00
gemini-3.5-flash-lite    0.30    2.50
gemini-3.8-flash         0.75    3.75
gemini-4-argon           2.00   10.00
deepseek-chat            0.28    0.42
deepseek-reasoner        0.28    0.42
deepseek-v4-flash        0.30    1.20
deepseek-v4-pro          1.32    3.96
mistral-large-3          0.50    1.50
mistral-large-4          1.36    4.18
mistral-medium-3.5       1.50    7.50
""")
"""By the name of the model, without the date of a version."""
