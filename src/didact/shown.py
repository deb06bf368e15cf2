"""What the commands print of a run, of one example's life and of a component: text or JSON."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from didact.calls import Call
from didact.components import FieldDoc, headline
from didact.environment import environment_line
from didact.errors import ConfigError
from didact.ledger import Ledger, read_ledger
from didact.licences import OWN, Terms, terms, terms_lines
from didact.life import Life
from didact.models.embedded import Embedded
from didact.prices import money
from didact.progress import summary_line
from didact.records import JSON, Example, Message, Request, Sampling
from didact.report.comparison import Metric, compare
from didact.report.reading import clusters_of
from didact.resolve import models
from didact.runfile import load
from didact.stats.bootstrap import Interval
from didact.store import STAGES, Run
from didact.tables import EXAMPLES, KEPT, VERDICTS
from didact.text.differences import differences, in_one_line
from didact.touched import read_touched

__all__ = ["chat_turns", "show_component", "show_funnel", "show_ledger", "show_life", "show_run"]


def show_run(run: Run, *, count: int, dropped_by: str | None, as_json: bool) -> str:
    """The stages of a run, and some of its examples."""
    stages = {name: run.stage(name) for name in STAGES}
    done = {name: details for name, details in stages.items() if details is not None}
    if dropped_by is not None:
        return _dropped(run, dropped_by, count, as_json=as_json)
    if as_json:
        ledger = read_ledger(run).to_json()
        found = {"path": str(run.path), "stages": done, "scores": _means(run), "ledger": ledger}
        return json.dumps({**found, "terms": [one.to_json() for one in _terms(run)]})
    lines = [summary_line(cast("dict[str, Any]", details)) for details in done.values()]
    lines[1:1] = _lost(run) if "generate" in done else []
    if not done:
        lines.append(f"{run.path}: no stage is complete yet")
        if (logged := read_ledger(run).logged) is not None:
            told = f"{logged.made:,} calls so far, for {money(logged.usd)}"
            lines.append(f"{'calls':<9} {told}; run again, and none is repeated")
    for metric in _metrics(run):
        for line in metric.models:
            told = f"{metric.key} {line.model}: {_bounds(line.score)} (n={line.items})"
            lines.append(f"{'score':<9} {told}")
    if (touched := read_touched(run)) is not None:
        lines.append(f"{'touched':<9} {touched.line()}")
    lines += show_ledger(read_ledger(run))
    lines += terms_lines(_terms(run))
    for line, names in _made_with(done).items():
        lines.append(f"{'made with':<9} {line}{names}")
    if "generate" in done:
        lines += ["", *(_line(example) for example in run.stored(EXAMPLES)[:count])]
        lines.append(f"\nnext      didact show {run.path} ID    or    didact report {run.path}")
    return "\n".join(lines)


def _made_with(done: Mapping[str, Mapping[str, JSON]]) -> dict[str, str]:
    """The software behind the stages, each once; which stages, where they differ."""
    by_line: dict[str, list[str]] = {}
    for name, details in done.items():
        if "made_with" in details:
            told = environment_line(cast("dict[str, Any]", details["made_with"]))
            by_line.setdefault(told, []).append(name)
    one = len(by_line) == 1
    return {line: "" if one else f" ({', '.join(names)})" for line, names in by_line.items()}


def _lost(run: Run) -> list[str]:
    """What recipes asked for and did not keep, by reason."""
    file = run.path / "generate" / "statistics.json"
    told: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    lines: list[str] = []
    for part, table in told.items():
        funnel: dict[str, Any] = table.get("funnel") or {}
        dropped = Counter[str](funnel.get("dropped"))
        if dropped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
            kept = f"{funnel['accepted']} of {funnel['candidates']} candidates"
            lines.append(f"{'':<9} {part}: {kept} accepted; dropped: {reasons}")
    return lines


def _terms(run: Run) -> tuple[Terms, ...]:
    """What the examples that are trained on are under: those kept, where filters ran."""
    made = run.stage("generate")
    if made is None:
        return ()
    examples = run.stored(KEPT if run.stage("filter") is not None else EXAMPLES)
    asked = cast("dict[str, str]", made["models"])
    own = Embedded().identity
    models = [OWN if identity == own else identity for identity in asked.values()]
    return terms(examples, seeds=run.seeds(), models=models)


def _line(example: Example) -> str:
    given = f" | {example.input}" if example.input else ""
    text = " ".join(f"{example.instruction}{given} => {example.output}".split())
    return f"{example.id[:12]}  {text[:110]}"


def show_ledger(ledger: Ledger) -> list[str]:
    """What was spent, where any model was asked; and what is odd about who answered."""
    lines: list[str] = []
    if ledger.lines:
        head = ("part", "role", "made", "replayed", "failed", "tokens in", "out", "cost")
        rows = [
            (
                f"{line.stage}/{line.part}" if line.part else line.stage,
                line.role,
                f"{line.made:,}",
                f"{line.replayed:,}",
                f"{line.failed:,}",
                f"{line.prompt_tokens:,}",
                f"{line.completion_tokens:,}",
                money(line.usd),
            )
            for line in ledger.lines
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        for number, row in enumerate((head, *rows)):
            left, right = row[:2], row[2:]
            cells = [text.ljust(width) for text, width in zip(left, widths[:2], strict=True)]
            cells += [text.rjust(width) for text, width in zip(right, widths[2:], strict=True)]
            lines.append(f"{'calls' if number == 0 else '':<9} {'  '.join(cells)}")
    if any(line.usd is None for line in ledger.lines):
        lines.append(f"{'cost':<9} not all known: give a model's under prices: in the run file")
    if ledger.money:
        for sieve in ledger.filters:
            judged = f"{sieve.calls:,} calls of its own for {money(sieve.usd)}; "
            lines.append(
                f"{'cost':<9} {sieve.name}: {judged if sieve.calls else ''}making the"
                f" {sieve.dropped:,} it dropped cost {money(sieve.wasted)}"
            )
        if ledger.barren:
            lines.append(f"{'cost':<9} calls that no example came of: {money(ledger.barren)}")
        if ledger.kept:
            each = money(ledger.per_kept)
            lines.append(f"{'cost':<9} {each} for each of the {ledger.kept:,} examples kept")
    return [*lines, *(f"{'warning':<9} {text}" for text in ledger.warnings)]


def _dropped(run: Run, name: str, count: int, *, as_json: bool) -> str:
    stored = run.stored(VERDICTS)
    seen = Counter(one for (one,) in stored.columns("filter"))
    if name not in seen:
        raise ConfigError(f"{run.path}: no filter {name!r} (there are: {', '.join(seen)})")
    reasons: Counter[str] = Counter()
    places: list[int] = []
    for place, (one, keep, reason) in enumerate(stored.columns("filter", "keep", "reason")):
        if one == name and not keep:
            reasons[reason] += 1
            if as_json or len(places) < count:
                places.append(place)
    dropped = [(key, verdict) for key, _, verdict in (stored[place] for place in places)]
    wanted, made = {key for key, _ in dropped}, run.stored(EXAMPLES)
    found = [place for place, (key,) in enumerate(made.columns("id")) if key in wanted]
    examples = {example.id: example for example in (made[place] for place in found)}
    if as_json:
        rows = [
            {"id": key, "reason": v.reason, "score": v.score, "evidence": dict(v.evidence),
             "instruction": examples[key].instruction, "input": examples[key].input,
             "output": examples[key].output}
            for key, v in dropped
        ]  # fmt: skip
        return json.dumps(rows)
    lines = [f"{name} dropped {reasons.total()} of {seen[name]}"]
    lines += [f"{'':<10}{number:>7,}  {reason}" for reason, number in reasons.most_common()]
    for key, verdict in dropped:
        lines.append(_line(examples[key]))
        score = f" {verdict.score:.3f}" if verdict.score is not None else ""
        # Keys of calls tell people nothing: `didact show RUN ID` has them, and the calls.
        told = {name: value for name, value in verdict.evidence.items() if name != "calls"}
        evidence = json.dumps(told, ensure_ascii=False)[:160] if told else ""
        lines.append(f"{'':<14}{verdict.reason}{score} {evidence}".rstrip())
    return "\n".join(lines)


def _metrics(run: Run) -> tuple[Metric, ...]:
    if run.stage("evaluate") is None:
        return ()
    clusters = clusters_of(run.items())
    return compare(run.scores(), families={}, clusters=clusters, order=("base", "trained"))


def _bounds(score: Interval) -> str:
    return f"{score.mean:.1f} [{score.low:.1f}, {score.high:.1f}]"


def _means(run: Run) -> list[dict[str, object]]:
    """As the report shows them: a metric from 0 to 1 as points of 100."""
    return [
        {
            "metric": metric.key,
            "model": line.model,
            "mean": line.score.mean,
            "low": line.score.low,
            "high": line.score.high,
            "n": line.items,
        }
        for metric in _metrics(run)
        for line in metric.models
    ]


def show_funnel(run: Run) -> str:
    """The audit of a run on the microworld, where it has one."""
    file = run.path / "audit.json"
    audit = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
    lines = ["audit     of examples: valid instruction, suitable input, right output, all three"]
    for row in audit["rows"]:
        shares = (
            f"{row[key] / max(row['total'], 1):>5.0%}"
            for key in ("valid_instruction", "input_appropriate", "output_correct", "all_valid")
        )
        lines.append(f"{'':<9} {row['stage']:<18} {row['total']:>5} {' '.join(shares)}")
    lines.append(
        f"{'':<9} {audit['instructions']} instructions, {audit['held_out_families']} held-out"
        f" families among them; {audit['seen_in_pretraining']:.0%} stand in the pre-training pages"
        " to the letter"
    )
    for metric in _metrics(run):
        for line in metric.models:
            told = f"{metric.key:<12} {line.model:<8} {_bounds(line.score)}"
            lines.append(f"{'score':<9} {told}  (n={line.items})")
    return "\n".join(lines)


def show_life(found: Life, *, as_json: bool) -> str:
    """Parents, prompts, replies, verdicts, training, scores."""
    if as_json:
        return json.dumps(_life_json(found))
    example = found.example
    lines = [f"{example.id}  {found.part}, by {example.origin.recipe}", ""]
    for message in example.messages:
        lines.append(f"{message.role}: {message.content}")
    if example.meta:
        lines += ["", f"meta      {json.dumps(dict(example.meta), ensure_ascii=False)[:400]}"]
    lines += _beside_old(example)
    known = {parent.id: parent for parent in found.parents}
    for key in example.origin.parents:
        told = _line(known[key]) if key in known else f"{key[:12]}  is not in this run"
        lines.append(f"parent    {told}")
    for call in found.calls:
        lines += ["", *_call(call)]
    if found.verdicts:
        lines.append("")
    for name, verdict in found.verdicts:
        word = "kept" if verdict.keep else f"dropped: {verdict.reason}"
        score = f", score {verdict.score:.3f}" if verdict.score is not None else ""
        evidence = f"  {json.dumps(dict(verdict.evidence))}" if verdict.evidence else ""
        lines.append(f"{name:<9} {word}{score}{evidence}")
    if found.part in {"generated", "rewritten"}:
        lines.append(f"trained   {'yes' if found.trained else 'no'}")
    for answer in found.answers:
        lines.append(f"answer    {answer.model}: {answer.text}")
    for score in found.scores:
        value = "abstained" if score.value is None else f"{score.value:.1f}"
        lines.append(f"score     {score.model}, {score.metric}: {value} {score.reason}".rstrip())
    return "\n".join(lines)


def _beside_old(example: Example) -> list[str]:
    """The answer that was replaced, and what became of it."""
    old = example.meta.get("old_output")
    if not isinstance(old, str):
        return []
    changed = in_one_line(differences(old, example.output))
    return ["", f"old       {old}", f"new       {example.output}", f"changed   {changed}", ""]


def _call(call: Call) -> list[str]:
    request = call.request
    prompt = request.prompt
    if prompt is None:
        prompt = "\n".join(f"{m.role}: {m.content}" for m in request.messages)
    reply = f"failed: {call.error}" if call.reply is None else call.reply.text
    head = f"call {call.number} to {call.role} ({call.model}), {call.seconds:.2f} s, key {call.key}"
    return [head, "--- prompt", prompt, "--- reply", reply, "---"]


def _life_json(found: Life) -> dict[str, Any]:
    return {
        "example": found.example.to_json(),
        "part": found.part,
        "parents": [parent.to_json() for parent in found.parents],
        "calls": [
            {
                "key": call.key,
                "role": call.role,
                "model": call.model,
                "request": call.request.to_json(),
                "reply": call.reply.text if call.reply else None,
                "error": call.error,
                "seconds": call.seconds,
            }
            for call in found.calls
        ],
        "verdicts": [
            {
                "filter": name,
                "keep": verdict.keep,
                "reason": verdict.reason,
                "score": verdict.score,
                "evidence": dict(verdict.evidence),
            }
            for name, verdict in found.verdicts
        ],
        "trained": found.trained,
        "answers": [{"model": answer.model, "text": answer.text} for answer in found.answers],
        "scores": [
            {"model": s.model, "metric": s.metric, "value": s.value, "reason": s.reason}
            for s in found.scores
        ],
    }


def show_component(
    name: str, component: type, settings: Sequence[FieldDoc], *, as_json: bool
) -> str:
    """What a component is, and its settings."""
    if as_json:
        fields = [
            {"name": f.name, "type": f.type, "default": f.default, "doc": f.doc} for f in settings
        ]
        return json.dumps({"name": name, "about": headline(component), "settings": fields})
    lines = [f"{name}: {headline(component)}"]
    for field in settings:
        default = "required" if field.default is None else f"default {field.default}"
        lines.append(f"  {field.name}: {field.type}  ({default})")
        lines += [f"      {line}" for line in field.doc.splitlines()]
    return "\n".join(lines)


def chat_turns(
    run: Run, role: str, *, max_tokens: int, seed: int
) -> Callable[[Iterable[str]], Iterator[str]]:
    """A function that answers lines with a run's model, each on its own."""
    config = load(run.path / "run.yaml")
    found = models(config, run)
    if role not in found:
        known = ", ".join(sorted(found))
        raise ConfigError(f"{run.path}: no model {role!r} to talk to (there are: {known})")
    model = found[role]
    sampling = Sampling(max_tokens=max_tokens)

    def turns(lines: Iterable[str]) -> Iterator[str]:
        with asyncio.Runner() as runner:
            for line in lines:
                text = line.replace("\\n", "\n")
                request = Request(messages=(Message("user", text),), sampling=sampling, seed=seed)
                yield runner.run(model.ask(request)).text
            runner.run(model.close())

    return turns
