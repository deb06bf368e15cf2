"""FLAN: labelled data sets become instructions, through templates written by people.

Finetuned Language Models Are Zero-Shot Learners (Wei et al. 2021, arXiv 2109.01652) writes every
row of 62 data sets through one of ten templates of its data set, of which up to three turn the task
around. A list of the possible answers ends the prompt of a classification task. No data set has
more than 30,000 rows, and in the mixture none counts more than 3,000. The Flan Collection (Longpre
et al. 2023, arXiv 2301.13688) mixes zero-shot and few-shot prompts, with and without the list of
answers, a quarter each, and varies the list. Three `arm`s tell what the instructions are worth: on
average 55.2 with them, 46.6 with the data set's name in their place, 37.3 with nothing.

The rows are a user's own files, or the seeds. How ours differs, in both modes: one pass, so mixing
in proportion to min(rows, 3,000) is to take so many rows of each set; the turn marks of the paper's
own model are left to chat templates, unless `form: dialogue` asks for them; the templates of the
shapes are in our words (a file brings others). *Faithful*: the first rows of a file count, row i of
every ten is given template i and what is left of the last ten is not used, and a few-shot prompt
without room for one exemplar is not used. *Corrected*: rows are sampled by content and each draws
its template by content, so a sorted file does no harm; a prompt without room becomes a zero-shot
one.

Cost: no calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal, NamedTuple, cast

from didact.context import Context
from didact.errors import ConfigError
from didact.labelled.data_set import LabelledRow, LabelledSet
from didact.labelled.flan_tables import also_left_out
from didact.labelled.options import dashed, draw_style, styled, without_options
from didact.labelled.patterns import MissingColumn, Pattern, fill
from didact.labelled.shots import FewShotForm, dialogue, fitting
from didact.records import JSON, Example, Message, Origin
from didact.stats.mixing import Sample, apportion, proportional_rates

__all__ = ["Flan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flan:
    """Labelled data sets through templates: zero- and few-shot, with and without answers (FLAN)."""

    version: ClassVar[str] = "1"
    paper: ClassVar[str] = (
        "Finetuned Language Models Are Zero-Shot Learners, 2021, arXiv 2109.01652;"
        " The Flan Collection, 2023, arXiv 2301.13688"
    )
    calls_per_example: ClassVar[str] = "none"

    sets: tuple[LabelledSet, ...] = ()
    """The data sets; without any, the seeds are one."""
    arm: Literal["instruction", "name", "none"] = "instruction"
    """What says what to do: a template, the data set's name in brackets, or nothing at all."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` takes rows and gives templates in the order of the file, as published."""
    target: int | None = None
    """Examples to make, in the proportion of the rates; None: as many as the rates allow."""
    most_rows: int = 30_000
    """The most rows of a set that are used."""
    rate: int = 3_000
    """The most that a set counts in the mixture."""
    max_templates: int | None = None
    """Use only so many templates of each set, from the first; the paper tries 1, 2, 4, 7, 10."""
    held_out: str = ""
    """A cluster to test on: it, and those too near to it, are not made into examples."""

    few_shot: float = 0.0
    """How many of the prompts show exemplars; 0.5 in the 2022 collection."""
    shots: int | Literal["many"] = 5
    """Exemplars in such a prompt; `many`: 1 to 16, drawn for each."""
    max_input: int = 960
    """Tokens of exemplars and question together, at four bytes a token; exemplars beyond go."""
    form: Literal["blank-lines", "dialogue"] = "blank-lines"
    """How exemplars are joined; `dialogue` writes the 2021 turn marks, also without exemplars."""
    options: float = 1.0
    """How many prompts of sets with known answers list them; 0.5 in the 2022 collection."""
    option_style: Literal["dash", "varied"] = "dash"
    """`varied` draws how the list looks; with letters or numbers, these become the answer."""

    def __post_init__(self) -> None:
        for name in ("most_rows", "rate", "max_input"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1")
        for name in ("few_shot", "options"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a part of the prompts, from 0 to 1")
        for name in ("target", "max_templates"):
            value = cast("int | None", getattr(self, name))
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1")
        if isinstance(self.shots, int) and not 1 <= self.shots <= _MOST_SHOTS:
            raise ConfigError(f"shots are 1 to {_MOST_SHOTS}, or many")
        if len({one.name for one in self.sets}) < len(self.sets):
            raise ConfigError("sets: two have the same name")

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples set by set, in the order of their rows."""
        left_out = also_left_out(self.held_out) if self.held_out else frozenset[str]()
        sets = self.sets or (LabelledSet(name="seeds", answer="output"),)
        loaded = [self._load(ctx, one, seeds) for one in sets if one.cluster not in left_out]
        if not loaded:
            raise ConfigError("flan: every set is held out")
        quotas = self._quotas([len(one.rows) for one in loaded])
        made: set[str] = set()
        told: dict[str, JSON] = {}
        for one, quota in zip(loaded, quotas, strict=True):
            sample = Sample[tuple[LabelledRow, Pattern]](quota, seed=ctx.seed)
            for row, pattern in one.rows:
                sample.offer((row, pattern), f"{one.of.name}/{row.id}")
            count = 0
            one.refused["over the rate"] += len(one.rows) - quota
            for row, pattern in sample.items():
                example = self._example(ctx, one, row, pattern)
                if example is None or example.id in made:
                    one.refused["exact duplicate"] += example is not None
                    continue
                made.add(example.id)
                count += 1
                yield example
            read = one.refused.pop("read", 0)
            told[one.of.name] = {
                "rows": read,
                "examples": count,
                "refused": {**+one.refused},
                "without room for exemplars": one.crowded.total(),
            }
        ctx.note("statistics", sets=told, held_out=[*sorted(left_out)])

    def _load(self, ctx: Context, of: LabelledSet, seeds: Sequence[Example]) -> _Loaded:
        """The rows that count, each with its template."""
        patterns = of.patterns()[: self.max_templates]
        refused: Counter[str] = Counter()
        read = 0
        faithful = self.mode == "faithful"
        sample = Sample[LabelledRow](self.most_rows, seed=ctx.seed)
        first: list[LabelledRow] = []
        for row in of.read(refused, seeds):
            if not read:
                _check_columns(of, patterns, row)
            read += 1
            if not faithful:
                sample.offer(row, f"{of.name}/{row.id}")
            elif len(first) < self.most_rows:
                first.append(row)
        refused["read"] = read + refused["no label"]
        rows = first if faithful else sample.items()
        refused["over the cap"] += read - len(rows)
        if not rows:
            raise ConfigError(f"set {of.name!r}: there are no rows in it")
        if faithful:
            whole = len(rows) - len(rows) % len(patterns)
            refused["last rows short of a template each"] += len(rows) - whole
            given = [(row, patterns[n % len(patterns)]) for n, row in enumerate(rows[:whole])]
        else:
            given = [(row, ctx.rng("template", of.name, row.id).choice(patterns)) for row in rows]
        return _Loaded(of, patterns, given, refused, Counter())

    def _quotas(self, sizes: Sequence[int]) -> list[int]:
        rates = proportional_rates(sizes, self.rate)
        if self.target is None or self.target >= sum(rates):
            return rates
        return apportion(self.target, rates)

    def _example(
        self, ctx: Context, one: _Loaded, row: LabelledRow, pattern: Pattern
    ) -> Example | None:
        """The example of a row; None, and a reason counted, where there is none."""
        rng = ctx.rng("row", one.of.name, row.id)
        # Drawn in this order whatever the settings, so that changing one leaves the others' draws.
        few, listed = rng.random() < self.few_shot, rng.random() < self.options
        style = rng.getrandbits(64)
        shown = self._draw_shots(rng, one, row) if few else []
        try:
            question, target = self._write(one, row, pattern, listed=listed, style=style)
            pairs = [self._write(one, r, pattern, listed=listed, style=style) for r in shown]
        except _Refused as error:
            one.refused[str(error)] += 1
            return None
        room = self.max_input - _tokens(question)
        fits = fitting([_tokens(a) + _tokens(b) for a, b in pairs], room=room)
        if few and not fits:
            if self.mode == "faithful":
                one.refused["no exemplar fits"] += 1
                return None
            one.crowded[row.id] += 1
        prompt = self._joined(pairs[:fits], question)
        parents = (*row.parents, *(p for r in shown[:fits] for p in r.parents))
        meta: dict[str, JSON] = {
            "dataset": one.of.name,
            "cluster": one.of.cluster,
            "template": pattern.number if self.arm == "instruction" else None,
            "arm": self.arm,
            "shots": fits,
            "options": list(row.options) if listed and pattern.with_options else [],
            "is_classification": bool(row.options),
        }
        if one.of.licence:
            meta["licence"] = one.of.licence
        return Example(
            messages=(Message("user", prompt), Message("assistant", target)),
            meta=meta,
            origin=Origin(recipe="flan", version=self.version, parents=parents),
        )

    def _draw_shots(self, rng: Random, one: _Loaded, row: LabelledRow) -> list[LabelledRow]:
        count = rng.randint(1, _MOST_SHOTS) if self.shots == "many" else self.shots
        drawn = rng.sample(one.rows, min(count + 1, len(one.rows)))
        return [other for other, _ in drawn if other.id != row.id][:count]

    def _joined(self, pairs: Sequence[tuple[str, str]], question: str) -> str:
        if self.form == "dialogue":
            return dialogue(pairs, question)
        return FewShotForm().write(pairs, question)

    def _write(
        self, one: _Loaded, row: LabelledRow, pattern: Pattern, *, listed: bool, style: int
    ) -> tuple[str, str]:
        """Input and target of a row in the chosen arm."""
        values = dict(row.values)
        try:
            if self.arm != "instruction":
                first = one.patterns[0]
                names = one.of.inputs or first.input_columns
                text = "\n".join(filter(None, (fill(f"{{{name}}}", values) for name in names)))
                if self.arm == "name":
                    text = f"[{one.of.heading}] {text}"
                return _whole(text, fill(first.target, values))
            text = pattern.input
            if pattern.with_options and listed and row.options:
                values |= self._listed(one.of, row, style)
            elif pattern.with_options:
                text = without_options(text)
            return _whole(fill(text, values), fill(pattern.target, values))
        except MissingColumn as error:
            raise _Refused(f"no {error}") from error

    def _listed(self, of: LabelledSet, row: LabelledRow, style: int) -> Mapping[str, JSON]:
        """The list of answers under all its names; with letters, the answer is one."""
        text = dashed(row.options)
        values: dict[str, JSON] = {}
        answer = row.values.get(of.answer)
        if self.option_style == "varied" and isinstance(answer, str):
            try:
                text, values[of.answer] = styled(row.options, answer, draw_style(Random(style)))
            except ValueError as error:
                raise _Refused("more options than letters") from error
        return values | {"options": text, "options_": text, "options_str": text}


_MOST_SHOTS = 16


class _Refused(Exception):
    """A row that makes no example, with the reason."""


class _Loaded(NamedTuple):
    """A data set as it is used."""

    of: LabelledSet
    patterns: tuple[Pattern, ...]
    rows: list[tuple[LabelledRow, Pattern]]
    refused: Counter[str]
    """How many rows make no example, by reason."""
    crowded: Counter[str]
    """Rows whose exemplars found no room."""


def _whole(prompt: str, target: str) -> tuple[str, str]:
    prompt, target = prompt.strip(), target.strip()
    if not prompt or not target:
        raise _Refused("empty input" if not prompt else "empty target")
    return prompt, target


def _check_columns(of: LabelledSet, patterns: Sequence[Pattern], row: LabelledRow) -> None:
    """A column that the first row has not is a mistake in the run file, not in the data."""
    for name in _columns(patterns):
        if name not in row.values:
            raise ConfigError(
                f"set {of.name!r}: its templates need a column {name!r}; it has"
                f" {', '.join(row.values)}. If another is meant: `columns: {{{name}: ...}}`"
            )


def _columns(patterns: Sequence[Pattern]) -> Iterator[str]:
    yield from dict.fromkeys(name for pattern in patterns for name in pattern.columns)


def _tokens(text: str) -> int:
    """About as many as a tokenizer makes of it, which there is none of here."""
    return -(-len(text.encode("utf-8", "replace")) // 4)
