"""The ``evaluate`` part of a run file: one set of test items, or a list of them.

Under ``on`` stands a suite, a file of items or a run; or a list of such, each with its own
``with``, ``sampling`` and ``name`` where it has them, so that one run compares the same models on
several suites. What is wrong is told with its place, all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Key

from didact.components import Problem, build, numbered
from didact.config import BASE, TRAINED, Evaluation, Suite
from didact.document import At
from didact.records import Sampling

__all__ = ["EvaluateKeys", "EvaluationReader", "evaluators_of"]


class EvaluateKeys(BaseModel):
    """The keys that there are."""

    model_config = ConfigDict(extra="forbid", strict=True)

    on: str | dict[str, Any] | list[str | dict[str, Any]]
    models: list[str] = [BASE, TRAINED]
    evaluators: list[str | dict[str, Any]] = Key(default=[], alias="with")
    sampling: dict[str, Any] = {}


class EvaluationReader:
    """Builds an ``Evaluation``; ``component`` and ``path`` are those of the run file's reader."""

    def __init__(
        self,
        component: Callable[[Sequence[str], At, Any], Any],
        path: Callable[[At, object], Path | None],
        problems: list[Problem],
    ) -> None:
        self._component = component
        self._path = path
        self._problems = problems

    def read(self, entry: EvaluateKeys) -> Evaluation:
        """What the part says."""
        at: At = ("evaluate", "on")
        on: Any
        if isinstance(entry.on, list):
            suites = [self._suite((*at, n), suite) for n, suite in enumerate(entry.on)]
            names = numbered([suite.name for suite in suites])
            on = tuple(replace(s, name=name) for s, name in zip(suites, names, strict=True))
            if not on:
                self._problems.append(Problem(at, "an empty list; name at least one suite"))
        else:
            on = self._items(at, entry.on)
        return Evaluation(
            on=on,
            models=tuple(entry.models),
            evaluators=self._scoring(("evaluate", "with"), entry.evaluators),
            sampling=self._sampling(("evaluate", "sampling"), entry.sampling),
        )

    def _suite(self, at: At, entry: str | dict[str, Any]) -> Suite:
        settings = {"use": entry} if isinstance(entry, str) else dict(entry)
        given = self._own(at, settings, "with", list)
        sampling = self._own(at, settings, "sampling", dict)
        name = self._own(at, settings, "name", str)
        use = settings.get("use")
        if isinstance(use, str) and len(settings) == 1:
            on = self._items(at, use, key=() if isinstance(entry, str) else ("use",))
            told = Path(use).name.partition(".")[0] if _is_data(use) else use
        else:
            on = self._component(("suites",), at, settings)
            told = str(use or "")
        return Suite(
            on=on,
            name=(name or told).replace("/", "-"),
            evaluators=self._scoring((*at, "with"), given or []),
            sampling=None if sampling is None else self._sampling((*at, "sampling"), sampling),
        )

    def _own(self, at: At, settings: dict[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401
        value = settings.pop(key, None)
        if value is not None and not isinstance(value, kind):
            wanted = {list: "a list of evaluators", dict: "settings of sampling", str: "a word"}
            self._problems.append(Problem((*at, key), f"{wanted[kind]}, not {value!r}"))
            return None
        return value

    def _items(self, at: At, entry: str | dict[str, Any], *, key: At = ()) -> Any:  # noqa: ANN401
        """A suite by its name, or the path of a file or of a run."""
        if isinstance(entry, str) and _is_data(entry):
            return self._path((*at, *key), entry)
        return self._component(("suites",), at, entry)

    def _scoring(self, at: At, entries: Sequence[str | dict[str, Any]]) -> tuple[Any, ...]:
        return tuple(
            self._component(("evaluators",), (*at, n), use) for n, use in enumerate(entries)
        )

    def _sampling(self, at: At, settings: Mapping[str, Any]) -> Sampling:
        sampling, problems = build(Sampling, {"max_tokens": 128, **settings})
        self._problems += [Problem((*at, *p.at), p.message) for p in problems]
        return cast("Sampling", sampling)


def evaluators_of(evaluate: Evaluation | None) -> dict[At, Sequence[object]]:
    """The evaluators by where the run file has them."""
    if evaluate is None:
        return {}
    found: dict[At, Sequence[object]] = {("evaluate", "with"): evaluate.evaluators}
    if isinstance(evaluate.on, tuple):
        for number, suite in enumerate(evaluate.on):
            if isinstance(suite, Suite):
                found["evaluate", "on", number, "with"] = suite.evaluators
    return found


def _is_data(name: str) -> bool:
    """Whether it names a file of items, or a run: a component is a plain word or ends in .py."""
    return not name.endswith(".py") and ("/" in name or name.endswith(".jsonl"))
