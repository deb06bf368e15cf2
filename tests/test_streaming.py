"""The filter stage as a stream: the bytes of filtering list after list, whatever waits where."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from didact import pipeline, tables
from didact.components import find, name_of, numbered
from didact.config import Generation, RunConfig
from didact.context import Context
from didact.models.scripted import Scripted
from didact.records import Example, Origin, Request, Verdict
from didact.sieve import sieve
from didact.sifting import REWRITTEN, prepare
from didact.spool import Spool
from didact.store import Run
from didact.tables import EXAMPLES, VERDICTS, Stored

ORIGIN = Origin(recipe="rows")
WORDS = ("sea", "hill", "house", "bird", "lamp", "stone", "wind", "tree", "road", "boat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Examples of which some repeat others, some hold an address, some are short."""

    count: int

    def read(self) -> Iterator[Example]:
        """All of them."""
        rng = random.Random(7)
        for number in range(self.count):
            words = rng.choices(WORDS, k=rng.randrange(1, 8))
            output = f"{' '.join(words)} {number % 3}"
            if number % 9 == 0:
                output = f"Ask {'ann' if number % 2 else 'bob'}@firm.com of {words[0]}."
            meta = {"grade": number % 17, "kind": words[0]}
            asked = f"Tell me {number} {words[0]}"
            if number % 50 == 7:
                asked, output = "tell me", f"{words[0]} again"
            yield Example.single(asked, output, origin=ORIGIN, meta=meta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Asks for every example."""

    async def check(self, ctx: Context, example: Example) -> Verdict:
        """As the model says."""
        reply = await ctx.ask(Request(prompt=example.output), model="judge")
        return Verdict(keep=reply.text == "good", reason="bad", score=float(len(example.output)))


def good(request: Request) -> str:
    return "bad" if (request.prompt or "").startswith("sea") else "good"


def use(name: str, **settings: Any) -> Any:
    return find("filters", name)(**settings)


CHAINS: dict[str, Callable[[], Sequence[Any]]] = {
    "one after another": lambda: (
        use("length", instruction_min=3),
        use("exact-duplicate", part="output"),
        use("repetition"),
    ),
    "changed on the way": lambda: (
        use("pii", action="redact"),
        use("length", instruction_min=3),
        use("exact-duplicate", part="output"),
        use("pii"),
    ),
    "selections": lambda: (
        use("longest", share=0.9),
        use("random", share=0.9),
        use("top", score="grade", share=0.9),
        use("balance", by="kind"),
        use("top", score="longest", count=400),
    ),
    "a judge between": lambda: (
        use("exact-duplicate", part="output"),
        Judged(),
        use("top", score="Judged", share=0.5),
    ),
    "none": tuple,
}


def config(count: int, filters: Sequence[Any]) -> RunConfig:
    return RunConfig(
        name="t",
        models={"judge": Scripted(replies=good)},
        generate=(Generation(use=Rows(count=count)),),
        filter=tuple(filters),
    )


def as_lists(filters: Sequence[Any], examples: Sequence[Example], folder: Path) -> None:
    """What the stage writes, made the plain way: every filter on a list of all it sees."""
    kept = [(example.id, example) for example in examples]
    rows: list[tuple[str, str, Verdict]] = []
    scores: dict[str, dict[str, float | None]] = {}
    names = numbered([name_of(component) for component in filters])
    for name, component in zip(names, filters, strict=True):
        prepare(component, scores=scores)
        before = [example for _, example in kept]
        rewrite = getattr(component, "rewrite", lambda example: example)
        after = [rewrite(example) for example in before]
        if isinstance(component, Judged):
            found = [
                Verdict(
                    keep=not e.output.startswith("sea"), reason="bad", score=float(len(e.output))
                )
                for e in after
            ]
        elif hasattr(component, "check"):
            found = [component.check(example) for example in after]
        else:
            found = list(component.sift(iter(after)))
        first: dict[str, str] = {}
        still: list[tuple[str, Example]] = []
        for (key, old), new, given in zip(kept, after, found, strict=True):
            verdict = given
            if new.id != old.id:
                verdict = replace(verdict, evidence={**verdict.evidence, REWRITTEN: new.id})
            if first.setdefault(new.id, old.id) != old.id and verdict.keep:
                verdict = Verdict(
                    keep=False,
                    reason="the same as another once changed",
                    score=verdict.score,
                    evidence={**verdict.evidence, "nearest_id": new.id},
                )
            scores.setdefault(name, {})[new.id] = verdict.score
            rows.append((key, name, verdict))
            if verdict.keep:
                still.append((key, new))
        kept = still
    VERDICTS.write(folder / "verdicts.parquet", rows)
    tables.KEPT.write(folder / "kept.parquet", [example for _, example in kept])


@pytest.mark.parametrize(
    ("chain", "count", "most"),
    # More rows than a row group has; few, of which some wait on the disk; none of these.
    [("one after another", 4200, 1000), *((c, 150, 5) for c in CHAINS), ("selections", 150, 1000)],
)
def test_a_stream_through_the_filters_writes_what_lists_gave(
    chain: str, count: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didact.sifting.Spool", partial(Spool, most=most))
    made = config(count, CHAINS[chain]())
    pipeline.generate(made, tmp_path / "run")
    summary = pipeline.filter(made, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    as_lists(CHAINS[chain](), run.examples(), tmp_path)
    for name in ("verdicts", "kept"):
        written = (tmp_path / "run" / "filter" / f"{name}.parquet").read_bytes()
        assert written == (tmp_path / f"{name}.parquet").read_bytes(), name
    assert summary.read == len(run.examples())
    assert summary.kept == len(run.kept())
    assert sum(summary.dropped.values()) == summary.read - summary.kept
    # What waited on the way is gone.
    assert {p.suffix for p in (tmp_path / "run" / "filter").iterdir()} == {".parquet", ".json"}


def test_a_file_is_filtered_as_a_run_filters_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(300, CHAINS["selections"]())
    pipeline.generate(made, tmp_path / "run")
    pipeline.filter(made, tmp_path / "run")
    monkeypatch.setattr("didact.sifting.Spool", partial(Spool, most=7))
    done = sieve(
        tmp_path / "run" / "generate" / "examples.parquet",
        ["longest:share=0.9", "random:share=0.9", "top:score=grade,share=0.9", "balance:by=kind",
         "top:score=longest,count=400"],
        out=tmp_path / "out.parquet",
        verdicts_to=tmp_path / "verdicts.jsonl",
    )  # fmt: skip
    run = Run.open(tmp_path / "run")
    assert EXAMPLES.read(tmp_path / "out.parquet") == run.kept()
    assert done.kept == done.written == len(run.kept())
    lines = (tmp_path / "verdicts.jsonl").read_text().splitlines()
    assert len(lines) == len(run.verdicts())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.parquet", "run", "verdicts.jsonl"]


def test_rows_that_come_in_parts_make_the_file_that_one_writer_makes(tmp_path: Path) -> None:
    rows = list(Rows(count=4500).read())
    EXAMPLES.write(tmp_path / "whole.parquet", rows)
    cuts = [(0, 300), (300, 301), (301, 4450), (4450, 4450), (4450, 4500)]
    with EXAMPLES.writer(tmp_path / "parts.parquet") as writer:
        for number, (start, stop) in enumerate(cuts):
            if number % 2:
                EXAMPLES.write(tmp_path / "part.parquet", rows[start:stop])
                writer.append(tmp_path / "part.parquet")
            else:
                for row in rows[start:stop]:
                    writer.add(row)
    assert writer.count == 4500
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_table_is_a_sequence_that_is_read_anew_each_time(tmp_path: Path) -> None:
    rows = list(Rows(count=4100).read())
    EXAMPLES.write(tmp_path / "rows.parquet", rows)
    stored = Stored(EXAMPLES, tmp_path / "rows.parquet")
    assert len(stored) == 4100
    assert list(stored) == list(stored) == rows
    assert [stored[n] for n in (0, 4095, 4096, -1)] == [rows[n] for n in (0, 4095, 4096, -1)]
    assert stored[4094:4098] == rows[4094:4098]
    with pytest.raises(IndexError):
        _ = stored[4100]
    EXAMPLES.write(tmp_path / "none.parquet", [])
    assert list(Stored(EXAMPLES, tmp_path / "none.parquet")) == []
