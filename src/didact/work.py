"""What the stages share while they run: is the stage still fresh, contexts, counting, the summary.

A stage is skipped when its fingerprint (components, settings, seed, what it reads) and the identity
of every model that it asked are those of the last time.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from didact.budget import Purse
from didact.calls import Totals
from didact.components import path_fingerprint
from didact.config import RunConfig, Scale
from didact.context import Context, Failure, Listener, Model
from didact.environment import environment
from didact.errors import ConfigError, DidactError
from didact.estimate import Sample
from didact.identities import Identities
from didact.live import Live
from didact.records import JSON
from didact.resolve import models
from didact.scale.asking import spread
from didact.scale.local import LocalPool
from didact.scale.ray import RayPool
from didact.scale.shards import Pool, Shards, Tell
from didact.store import Run, StageFolder

__all__ = ["Summary", "Work", "opened", "run_async"]

Result = TypeVar("Result")

_EVERY = 0.05
"""Seconds between two tellings of how far a stage is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a stage did; ``stage.json`` holds the same."""

    stage: str
    skipped: bool = False
    """Whether it was there already, whole and fresh."""
    read: int = 0
    """How many came in."""
    kept: int = 0
    """How many went out."""
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many were dropped, by reason."""
    failures: int = 0
    """Items that came to nothing because a model did not answer or a reply could not be read."""
    first_failure: str = ""
    """What was wrong with the first of them."""
    calls: Totals = field(default_factory=Totals)
    """Calls of this time: none when it was skipped."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "stage": self.stage,
            "skipped": self.skipped,
            "read": self.read,
            "kept": self.kept,
            "dropped": dict(self.dropped),
            "failures": self.failures,
            "first_failure": self.first_failure,
            "calls": self.calls.to_json(),
            "seconds": round(self.seconds, 3),
        }


class Work:
    """One stage being made."""

    def __init__(
        self, stage: str, config: RunConfig, run: Run, *, on_event: Listener | None, retry: bool
    ) -> None:
        self.stage = stage
        self.config = config
        self.run = run
        self.models: Mapping[str, Model] = models(config, run)
        self.shards = _shards(config.scale, lambda event, fields: self.tell(event, **fields))
        """Where work goes that is not done here."""
        if self.shards is not None:
            self.models = {role: spread(model, self.shards) for role, model in self.models.items()}
        self._identities = Identities(run.calls, config.described(run.path))
        self.read = 0
        self.kept = 0
        self.dropped: Counter[str] = Counter()
        self.statistics: dict[str, JSON] = {}
        """What components noted as ``statistics``, by the part of the stage."""
        self._on_event = on_event
        self._live = Live(run.path, stage, lambda: self.dropped, self._failed)
        self._retry = retry
        self._contexts: list[Context] = []
        self._start = time.perf_counter()
        self._told = 0.0
        self._purse: Purse | None = None
        if config.budget is not None:
            # A run file is checked when it is read, with the line; this is for one in Python.
            if config.budget.usd is not None and (told := config.prices.unknown(self.models)):
                raise ConfigError(
                    "\n".join(f"models.{role}: {text}" for role, text in told.items())
                )
            self._purse = Purse.of(config.budget, run.calls, config.prices)

    def context(
        self, part: str = "", *, sample: Sample | None = None, most: int | None = None
    ) -> Context:
        """A context for the stage or a part of it; its calls and failures count for the stage.

        With ``sample`` it is that of a pilot, which ends when the sample is large enough; ``most``
        is how many results are wanted, so that no more are begun at the same time.
        """
        ctx = Context(
            self.models,
            log=self.run.calls,
            identities=self._identities,
            seed=self.config.seed,
            stage=f"{self.stage}/{part}" if part else self.stage,
            max_failures=self.config.max_failures,
            budget=self._purse,
            prices=self.config.prices,
            sample=sample,
            most=most,
            on_event=self._heard,
        )
        self._contexts.append(ctx)
        return ctx

    def tell(self, event: str, **fields: JSON) -> None:
        """Tell whoever watches."""
        told: dict[str, JSON] = {"stage": self.stage, **fields}
        self._live(event, told)
        if self._on_event:
            self._on_event(event, told)

    def progress(self, done: int, total: int | None = None) -> None:
        """Tell how far the stage is; what comes too soon after the last telling is not told."""
        now = time.monotonic()
        if done != total and now - self._told < _EVERY:
            return
        self._told = now
        dropped = sum(self.dropped.values())
        self.tell("progress", done=done, total=total, kept=self.kept, dropped=dropped)

    def _heard(self, event: str, fields: Mapping[str, JSON]) -> None:
        if event == "statistics":
            part = str(fields["stage"]).partition("/")[2]
            self.statistics[part] = {k: v for k, v in fields.items() if k != "stage"}
        self._live(event, fields)
        if self._on_event:
            self._on_event(event, fields)

    def fresh(self, fingerprint: str) -> Summary | None:
        """The summary of the stage if it need not be made again."""
        past = self.run.stage(self.stage)
        if past is None or past["fingerprint"] != fingerprint:
            return None
        calls = cast("dict[str, Any]", past["calls"])
        if self._retry and (past["failures"] or calls["failed"]):
            return None
        asked = cast("dict[str, str]", past["models"])
        if any(self._identity(role) != identity for role, identity in asked.items()):
            return None
        folder = self.run.path / self.stage
        if not all((folder / name).exists() for name in cast("dict[str, str]", past["outputs"])):
            return None
        summary = Summary(
            stage=self.stage,
            skipped=True,
            read=cast("int", past["read"]),
            kept=cast("int", past["kept"]),
            dropped=cast("dict[str, int]", past["dropped"]),
            failures=cast("int", past["failures"]),
        )
        self.tell("stage", state="skipped", summary=summary.to_json())
        return summary

    def _identity(self, role: str) -> str | None:
        return self._identities.of(role, self.models[role]) if role in self.models else None

    @contextmanager
    def making(
        self, fingerprint: str, *, resumable: bool = False
    ) -> Generator[StageFolder, None, None]:
        """The folder to make the stage in; tells when it starts."""
        self.tell("stage", state="start")
        try:
            with self.run.writing(self.stage, keep=fingerprint if resumable else None) as folder:
                yield folder
        finally:
            self._live.end()

    def _failed(self) -> int:
        return sum(ctx.tally.failed for ctx in self._contexts)

    def finish(self, folder: StageFolder, fingerprint: str, **more: JSON) -> Summary:
        """Write ``stage.json``: the last thing in the ``making`` block."""
        if self.statistics:
            folder.write_json("statistics.json", self.statistics)
        failures = [failure for ctx in self._contexts for failure in ctx.failures]
        used = {role: name for ctx in self._contexts for role, name in ctx.used.items()}
        summary = Summary(
            stage=self.stage,
            read=self.read,
            kept=self.kept,
            dropped=dict(sorted(self.dropped.items())),
            failures=len(failures),
            first_failure=failures[0].error if failures else "",
            calls=sum((ctx.tally for ctx in self._contexts), Totals()),
            seconds=time.perf_counter() - self._start,
        )
        self.run.finish(
            folder,
            {
                **summary.to_json(),
                "fingerprint": fingerprint,
                "models": cast("JSON", used),
                "outputs": _outputs(folder.path),
                "failed": _listed(failures),
                "spending": self._spending(),
                "made_with": environment(),
                **more,
            },
        )
        self.tell("stage", state="done", summary=summary.to_json())
        return summary

    def _spending(self) -> JSON:
        """What every part of the stage spent, by role: the source of the ledger."""
        return [
            {"part": ctx.stage.partition("/")[2], "role": role, **spent.to_json()}
            for ctx in self._contexts
            for role, spent in ctx.spending.items()
        ]

    def output(self, stage: str) -> JSON:
        """What another stage made, as a part of a fingerprint."""
        past = self.run.stage(stage)
        if past is None:
            raise DidactError(f"{self.run.path}: run the {stage} stage first")
        return past["outputs"]

    async def close(self) -> None:
        """Close the models that were asked."""
        for role in dict.fromkeys(role for ctx in self._contexts for role in ctx.used):
            await self.models[role].close()
        if self.shards is not None:
            self.shards.pool.close()


def _shards(scale: Scale | None, tell: Tell) -> Shards | None:
    if scale is None:
        return None
    pool: Pool
    if scale.use == "ray":
        pool = RayPool(scale.workers, address=scale.address, cpus=scale.cpus, gpus=scale.gpus)
    else:
        pool = LocalPool(scale.workers)
    return Shards(pool, rows=scale.rows, tell=tell)


def _outputs(folder: Path) -> JSON:
    """The Parquet files by their content."""
    return {file.name: path_fingerprint(file) for file in sorted(folder.glob("*.parquet"))}


def _listed(failures: Sequence[Failure]) -> JSON:
    return [{"item": f.item, "error": f.error, "call": f.call} for f in failures]


@contextmanager
def opened(config: RunConfig, where: Run | Path | str) -> Generator[Run, None, None]:
    """The run to work on, its ``run.yaml`` written; one that is open already stays open."""
    run = where if isinstance(where, Run) else Run.create(where, reuse=config.reuse)
    try:
        run.write_config(config.to_yaml(run.path))
        yield run
    finally:
        if run is not where:
            run.close()


def run_async(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run to the end, also from a notebook, where a loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(main())).result()
