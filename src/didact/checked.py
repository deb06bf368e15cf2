"""What `didact check` prints: the components, who answers, and what it will come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from didact.config import RunConfig
from didact.forecast import Forecast, between
from didact.pilot import Projection
from didact.ping import Pong
from didact.prices import money
from didact.records import JSON
from didact.sensitivity import sensitivity

__all__ = ["check_json", "show_check"]


def show_check(config: RunConfig, found: Forecast, pongs: Sequence[Pong]) -> list[str]:
    """The lines, up to the pilot."""
    lines = [f"{stage:<9} {', '.join(names) or '-'}" for stage, names in _stages(config).items()]
    for role in found.roles:
        lines.append(f"{'role':<9} {role.role}: {role}")
    for pong in pongs:
        lines.append(f"{'ping':<9} {pong.role}: {pong}")
    for part in found.parts:
        lines.append(f"{'estimate':<9} {part}")
    if found.usd is not None and len(found.parts) > 1:
        rest = "" if found.whole else ", and what is not known"
        lines.append(f"{'estimate':<9} in all {between(found.usd)}{rest}")
    lines += [f"{'sees':<9} {line}" for line in sensitivity(config)]
    cap = config.budget.usd if config.budget else None
    if cap is not None and found.usd is not None and found.usd.high > cap:
        sure = "is" if found.usd.low > cap else "may be"
        told = f"{money(cap)} {sure} too little: the run stops there, to be continued"
        lines.append(f"{'budget':<9} {told}")
    return lines


def check_json(
    file: Path,
    config: RunConfig,
    found: Forecast,
    pongs: Sequence[Pong],
    projections: Sequence[Projection],
) -> dict[str, JSON]:
    """All of it, for a program."""
    return {
        "file": str(file),
        "name": config.name,
        "stages": {stage: list(names) for stage, names in _stages(config).items()},
        "sees": [line.to_json() for line in sensitivity(config)],
        **found.to_json(),
        "ping": [pong.to_json() for pong in pongs],
        "pilot": [projection.to_json() for projection in projections],
    }


def _stages(config: RunConfig) -> dict[str, list[str]]:
    evaluators = config.evaluate.all_evaluators if config.evaluate else ()
    return {
        "generate": [type(entry.use).__name__ for entry in config.generate],
        "filter": [type(component).__name__ for component in config.filter],
        "train": [type(config.train.use).__name__] if config.train else [],
        "evaluate": [type(evaluator).__name__ for evaluator in evaluators],
    }
