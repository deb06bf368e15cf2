"""Making one call: what it may cost is set aside, the model is asked, and the log is written.

A reply and a ModelError are logged, each with its money. A missing or refused key, or a setting
that no request can pass, is not: it stops every call to come, for all would fail alike. A reply
whose server counts no tokens is taken for the most it can have cost, and its money is not known.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Protocol

from didact.budget import Cost, Purse, most
from didact.calls import Call, CallLog
from didact.errors import ConfigError, CredentialsError, DidactError, ModelError
from didact.prices import Price, Prices
from didact.records import Reply, Request, Usage

__all__ = ["Answering", "Asking"]


class Answering(Protocol):
    """A model, as far as one call goes."""

    @property
    def identity(self) -> str:
        """What answers."""
        ...

    async def ask(self, request: Request) -> Reply:
        """The reply, or ModelError."""
        ...


class Asking:
    """Makes the calls of a context, as long as there is a point in making any."""

    def __init__(self, log: CallLog, *, prices: Prices, purse: Purse | None) -> None:
        self._log = log
        self._prices = prices
        self._purse = purse
        self._price: dict[str, Price | None] = {}
        self._halted: DidactError | None = None

    async def make(
        self, model: Answering, key: str, request: Request, *, role: str, identity: str
    ) -> Call:
        """The call, logged."""
        if self._halted is not None:
            raise self._halted
        if role not in self._price:
            self._price[role] = self._prices.of(model)
        price = self._price[role]
        reserved = _cost(most(request), price)
        if self._purse is not None:
            await self._purse.reserve(reserved)
        # What a call that is cut off may have cost.
        cost = reserved
        start = time.perf_counter()
        try:
            outcome: Reply | ModelError
            try:
                reply = await model.ask(request)
                outcome = replace(reply, text=_whole(reply.text))
                counted = reply.usage != Usage()
                cost = _cost(reply.usage, price) if counted else reserved
                usd = cost.usd if price is not None and (counted or not cost.usd) else None
            except ModelError as error:
                outcome, cost, usd = error, Cost(), None if price is None else 0.0
            except (CredentialsError, ConfigError) as error:
                cost, self._halted = Cost(), error
                raise
            seconds = time.perf_counter() - start
            return self._log.record(
                key,
                request,
                role=role,
                model=identity,
                outcome=outcome,
                seconds=seconds,
                usd=usd,
            )
        finally:
            if self._purse is not None:
                self._purse.settle(reserved, cost)


def _cost(usage: Usage, price: Price | None) -> Cost:
    return Cost(usage.prompt + usage.completion, price.usd(usage) if price else 0.0)


def _whole(text: str) -> str:
    """The text with lone surrogates replaced: no file can hold them, and some servers send them."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
