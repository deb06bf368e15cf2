"""The model card: what the run knows of its model, as the README.md of an export.

Data terms, who wrote the data, what was dropped and why, what it cost, scores with their intervals,
the parity check of this export, and how to make it all again. No number stands without the count or
the interval that it rests on.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import cast

import yaml

from didact.exports.export import Made
from didact.exports.trained import Trained
from didact.ledger import Ledger
from didact.licences import OWN, Terms, terms, terms_lines
from didact.models.embedded import Embedded
from didact.prices import money
from didact.records import JSON
from didact.report.comparison import Metric, compare
from didact.report.formats import count, points, signed
from didact.report.panels import funnel
from didact.report.reading import Facts, read
from didact.stats.bootstrap import Interval
from didact.store import Run
from didact.tables import KEPT

__all__ = ["base_name", "card", "data_terms"]

_PACKAGES = ("didact", "torch", "transformers", "trl", "peft")


def card(trained: Trained, made: Made) -> str:
    """The card of an export."""
    facts = read(trained.run.path)
    found = data_terms(trained.run)
    parts = [
        _front(trained, found),
        [f"# {trained.name}", "", *_about(trained, facts)],
        _section("This export", _export(made)),
        _section("Use", _use(trained)),
        _section("Training data", _data(facts, found)),
        _section("Scores", _scores(facts)),
        _section("Costs", _costs(facts.ledger)),
        _section("How to repeat it", _repeat(facts)),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def data_terms(run: Run) -> tuple[Terms, ...]:
    """What the examples trained on are under."""
    made = run.stage("generate")
    if made is None:
        return ()
    asked = cast("dict[str, str]", made["models"])
    own = Embedded().identity
    models = [OWN if identity == own else identity for identity in asked.values()]
    return terms(run.stored(KEPT), seeds=run.seeds(), models=models)


def base_name(trained: Trained) -> str:
    """The base by a name for people: embedded, on the hub, or the folder's."""
    base = trained.training.base
    if base == "embedded":
        return "the model embedded in didact"
    path = trained.base()
    if not path.is_dir():
        return str(base)
    return path.parent.parent.name if path.parent.name == "train" else path.name


def _front(trained: Trained, found: Iterable[Terms]) -> list[str]:
    base = trained.training.base
    hub = isinstance(base, str) and base != "embedded" and not trained.base().is_dir()
    open_terms = all(one.use == "open" for one in found)
    front: dict[str, object] = {
        "library_name": "transformers",
        "tags": ["didact", "synthetic-data"],
        "pipeline_tag": "text-generation" if trained.kind == "causal" else "text-classification",
    }
    if hub:
        front["base_model"] = str(base)
    # Only where base and data leave no question.
    front["license"] = "apache-2.0" if base == "embedded" and open_terms else "other"
    return ["---", yaml.safe_dump(front, sort_keys=False).rstrip(), "---", ""]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _about(trained: Trained, facts: Facts) -> list[str]:
    what = "A reward model" if trained.kind == "classifier" else "A language model"
    how = "with a LoRA adapter" if trained.adapter else "in all its weights"
    rows = facts.trained.get("rows") or facts.trained.get("pairs") or len(facts.kept)
    refused = facts.trained.get("refused")
    lines = [
        f"{what}: {base_name(trained)}, tuned {how} on {count(cast('int', rows))} rows"
        + (f" ({count(cast('int', refused))} more were refused)" if refused else "")
        + ". Made with didact: generate, filter, train, evaluate.",
        "",
        "| | |",
        "|---|---|",
    ]
    train = facts.settings.get("train")
    rows_: dict[str, JSON] = dict(train) if isinstance(train, dict) else {"use": train}
    if trained.training.base == "embedded":
        rows_["base"] = "embedded"
    elif trained.base().is_dir():
        rows_["base"] = base_name(trained)
    rows_["trainer"] = rows_.pop("use")
    for key in ("steps", "tokens", "loss"):
        if key in facts.trained:
            rows_[{"loss": "training loss of the last step"}.get(key, key)] = facts.trained[key]
    return lines + [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows_.items()]


def _export(made: Made) -> list[str]:
    lines: list[str] = []
    if made.parity:
        verdict = "passed" if made.parity.passed else "**FAILED**"
        lines.append(f"- parity check {verdict}: {made.parity.told()}")
        lines += [f"- **{problem}**" for problem in made.parity.problems]
    return lines + [f"- {note}" for note in made.notes]


def _use(trained: Trained) -> list[str]:
    if trained.kind == "classifier":
        entry = "  reward: {use: reward-model, path: THIS_FOLDER}"
        return ["In a didact run file:", "", "```yaml", "models:", entry, "```"]
    return [
        "The chat template is in the tokenizer and the stop tokens in the generation settings, so"
        " any server that reads them answers as the model was trained. In a didact run file:",
        "",
        "```yaml",
        "models:",
        "  mine: {use: transformers, path: THIS_FOLDER}",
        "```",
    ]


def _data(facts: Facts, found: Sequence[Terms]) -> list[str]:
    lines: list[str] = []
    if found:
        question, *_ = terms_lines(found)
        lines += [
            f"{question.removeprefix('terms').strip().capitalize()}. This is what the records"
            " state, no legal advice.",
            "",
            "| records | from | licence | written by | meaning |",
            "|---|---|---|---|---|",
        ]
        for one in found:
            cells = (
                count(one.count),
                one.source,
                one.licence or "not stated",
                one.generator or "not stated",
                one.meaning,
            )
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
    passed = funnel(facts)
    if passed:
        lines += ["", "| step | examples |", "|---|---|"]
        lines += [f"| {_cell(name)} | {count(number)} |" for name, number in passed.steps]
        for sieve in passed.sieves:
            why = "; ".join(f"{reason.text}: {count(reason.number)}" for reason in sieve.reasons)
            told = f"{count(sieve.dropped)} of {count(sieve.seen)} dropped"
            lines.append(f"| {_cell(sieve.name)} | {_cell(told + (f' ({why})' if why else ''))} |")
    if facts.repeated:
        lines += [
            "",
            f"{count(len(facts.repeated))} of {count(len(facts.items))} test prompts stand word for"
            " word in the training data.",
        ]
    return lines


def _scores(facts: Facts) -> list[str]:
    if not facts.scores:
        return ["The run evaluated nothing."]
    evaluate = facts.settings.get("evaluate")
    suite = evaluate.get("on") if isinstance(evaluate, dict) else None
    name = suite.get("use") if isinstance(suite, dict) else suite
    lines = [
        f"Test items: {name or 'of the run'}. In brackets 95 % intervals: bootstrap over task"
        " families where the items have them, paired for the difference.",
        "",
        "| metric | model | score | from the base | items |",
        "|---|---|---|---|---|",
    ]
    for metric in compare(
        facts.scores,
        families=facts.families,
        clusters=facts.clusters,
        order=("base", "trained"),
    ):
        lines += _of_metric(metric)
    return lines


def _of_metric(metric: Metric) -> list[str]:
    rows: list[str] = []
    for line in metric.models:
        gain = _interval(line.gain, sign=True) if line.gain else ""
        items = count(line.items)
        if line.abstained:
            items += f" ({count(line.abstained)} unscored)"
        cells = (metric.name, line.name, _interval(line.score), gain, items)
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    return rows


def _interval(value: Interval, *, sign: bool = False) -> str:
    show = signed if sign else points
    return f"{show(value.mean)} [{show(value.low)}, {show(value.high)}]"


def _costs(ledger: Ledger) -> list[str]:
    if not ledger.lines:
        return ["No model was asked."]
    lines = ["| part | role | calls | failed | tokens in | tokens out | cost |"]
    lines.append("|---|---|---|---|---|---|---|")
    for line in ledger.lines:
        cells = (
            f"{line.stage}/{line.part}" if line.part else line.stage,
            line.role,
            count(line.calls),
            count(line.failed),
            count(line.prompt_tokens),
            count(line.completion_tokens),
            money(line.usd),
        )
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    if ledger.kept and ledger.per_kept:
        lines += ["", f"{money(ledger.per_kept)} for each of {count(ledger.kept)} examples kept."]
    return lines


def _repeat(facts: Facts) -> list[str]:
    return [
        f"`didact run run.yaml`, with the file below (seed {facts.seed}). Every call of the run is"
        " in its call log; with it, data and scores come out the same to the byte.",
        "",
        f"Software: {_software()}.",
        "",
        "```yaml",
        facts.text.rstrip(),
        "```",
    ]


def _software() -> str:
    known = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            known.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(known)


def _cell(value: object) -> str:
    if isinstance(value, Mapping | list):
        return yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())
