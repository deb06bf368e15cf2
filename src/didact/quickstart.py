"""The whole loop on the embedded model: two runs, an audit and a report.

The run ``self-instruct`` makes its own data and learns from it; the run ``human`` learns from the
same number of tasks that are true to the world, and is the upper arm of the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from didact.context import Listener
from didact.microworld.auditor import Audit, audit
from didact.microworld.wordings import seen_share
from didact.pipeline import evaluate, filter, generate, train
from didact.records import JSON, Example
from didact.report.build import build
from didact.runfile import load
from didact.store import Run

__all__ = ["quickstart", "write_audit"]


def quickstart(
    out: Path, *, seed: int = 0, overrides: Sequence[str] = (), on_event: Listener | None = None
) -> Path:
    """Make both runs and the report under ``out``; its path. Repeated, it changes nothing."""
    out.mkdir(parents=True, exist_ok=True)
    own, human = out / "self-instruct", out / "human"
    for name in ("quickstart.yaml", "human.yaml"):
        text = (files("didact") / "embedded" / name).read_text(encoding="utf-8")
        (out / name).write_text(text, encoding="utf-8")
    common = [f"seed={seed}", *overrides]
    config = load(out / "quickstart.yaml", common)
    generate(config, own, on_event=on_event)
    kept = filter(config, own, on_event=on_event).kept
    upper = load(out / "human.yaml", [f"seed={seed}", f"generate.0.count={kept}"])
    for stage in (generate, filter, train):
        stage(upper, human, on_event=on_event)
    arms = ["models.human.use=transformers", f"models.human.path={human.resolve()}"]
    arms.append("evaluate.models=[base, trained, human, copy]")
    config = load(out / "quickstart.yaml", [*common, *arms])
    train(config, own, on_event=on_event)
    evaluate(config, own, on_event=on_event)
    write_audit(own)
    return build([own], own / "report.html")


def write_audit(path: Path) -> dict[str, JSON]:
    """Audit a run on the microworld before filtering and after each filter: ``audit.json``."""
    run = Run.open(path)
    examples = run.examples()
    audits = {example.id: audit(example) for example in examples}
    steps: list[tuple[str, list[Example]]] = [("before filtering", examples)]
    survivors = examples
    verdicts: dict[str, set[str]] = {}
    for key, name, verdict in run.verdicts():
        dropped = verdicts.setdefault(name, set())
        if not verdict.keep:
            dropped.add(key)
    for name, dropped in verdicts.items():
        survivors = [example for example in survivors if example.id not in dropped]
        steps.append((f"after {name}", survivors))
    instructions = list(dict.fromkeys(example.instruction for example in survivors))
    found = [audits[example.id] for example in survivors]
    result: dict[str, JSON] = {
        "rows": [_row(name, [audits[e.id] for e in some]) for name, some in steps],
        "instructions": len(instructions),
        "seen_in_pretraining": round(seen_share(instructions), 4),
        "families": len({one.family for one in found if one.family}),
        "held_out_families": len({one.family for one in found if one.held_out}),
        "held_out_examples": sum(one.held_out for one in found),
    }
    text = json.dumps(result, indent=2)
    (path / "audit.json").write_text(text + "\n", encoding="utf-8")
    return result


def _row(stage: str, audits: Sequence[Audit]) -> JSON:
    return {
        "stage": stage,
        "total": len(audits),
        "valid_instruction": sum(one.valid_instruction for one in audits),
        "input_appropriate": sum(one.input_appropriate for one in audits),
        "output_correct": sum(one.output_correct for one in audits),
        "all_valid": sum(one.all_valid for one in audits),
        "unknown": sum(not one.family for one in audits),
    }
