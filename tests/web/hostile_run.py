"""A run with hostile text in every field that a model, a user or a component could have written."""

from __future__ import annotations

from pathlib import Path

from didact import tables
from didact.calls import call_key
from didact.records import Example, Message, Origin, Reply, Request, Score, Verdict
from didact.store import Run

CORPUS = (
    "\"'><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'><svg onload=document.title='owned'>",
    "</textarea></select></title></style></pre></details><iframe srcdoc='<script>1</script>'>",
    "[go](javascript:document.title='owned') ![pic](http://evil.example/x.png) <http://evil.example>",
    "[a]: http://evil.example 'x' onclick='alert(1)'\n[a] [b](data:text/html,<script>1</script>)",
    "{{ 7 * 191 }}{% raw %}{# #}${7*191} <%= 7*191 %> {% include '/etc/passwd' %}",
    "\u202edlrow olleh\u2066\u2067\u061c\u200b\u200f\ufeff mixed \u05e9\u05dc\u05d5\u05dd",
    "\x00\x1b[31mred\x07\x08\x7f\x85\u2028\u2029\r\nnew\rline",
    "&lt;b&gt; &#x3c;script&#x3e; %3Cscript%3E <!-- --> <![CDATA[ ]]> <?php ?>",
    "` ``` <b onmouseover=alert(1)>``` | a | b |\n|---|---|\n| <i style='position:fixed'> | c |",
    "\U0001f469\u200d\U0001f4bb\u0301\u0301\u0301\u0301 \ufdfd \U0001d57f\U0001d58a",
)
ALL = " ".join(CORPUS)
LONG = "x<script>" + "abc &amp; " * 100_000
"""One line of a megabyte."""


def write_hostile_run(path: Path) -> Path:
    """Every string of the corpus in an example of its own, and all of them in each other field."""
    request = Request(messages=(Message("user", ALL),))
    key = call_key(f"model {ALL}", request)
    texts = [*CORPUS, ALL, LONG]
    examples = [
        Example(
            messages=(
                Message("system", ALL),
                Message("user", f"{text}\n\nInput:\n{ALL}"),
                Message("assistant", f"{n} {text}"),
            ),
            meta={ALL: ALL, "dataset": ALL},
            origin=Origin(recipe=ALL, version=ALL, calls=(key,), parents=("0" * 32,)),
        )
        for n, text in enumerate(texts)
    ]
    models = (f"base{ALL}", f"trained{ALL}")
    with Run.create(path) as run:
        run.write_config(
            f"name: hostile\n# {CORPUS[0]}\ngenerate: []\nfilter: []\nevaluate: {{}}\n"
        )
        run.calls.record(
            key, request, role=ALL, model=f"model {ALL}", outcome=Reply(text=ALL, model=ALL),
            seconds=0.1,
        )  # fmt: skip
        with run.writing("generate") as folder:
            folder.write(tables.SEEDS, examples[:2])
            folder.write(tables.EXAMPLES, examples)
            run.finish(folder, _stage("generate", {f"{ALL}: {ALL}": 3}))
        with run.writing("filter") as folder:
            rows = [
                (e.id, f"filter {ALL}", Verdict(
                    keep=n % 2 == 0, reason=ALL, score=n / 20, evidence={ALL: ALL},
                ))
                for n, e in enumerate(examples)
            ]  # fmt: skip
            folder.write(tables.VERDICTS, rows)
            folder.write(tables.KEPT, examples[::2])
            run.finish(folder, _stage("filter", {f"filter {ALL}: {ALL}": 6}))
        with run.writing("evaluate") as folder:
            folder.write(tables.ITEMS, examples)
            answers = [
                tables.AnswerRow(e.id, model, f"{model} {n} {texts[n]}", key)
                for n, e in enumerate(examples)
                for model in models
            ]
            folder.write(tables.ANSWERS, answers)
            scores = [
                Score(example_id=e.id, model=model, metric=f"metric {ALL}", value=1.0, reason=ALL)
                for e in examples
                for model in models
            ]
            folder.write(tables.SCORES, scores)
            run.finish(folder, _stage("evaluate", {}))
    return path


def _stage(name: str, dropped: dict[str, int]) -> dict[str, object]:
    spent = {"part": ALL, "role": ALL, "made": 1, "replayed": 0, "failed": 0, "usd": 0.0}
    spent |= {"prompt_tokens": 1, "completion_tokens": 1, "unpriced": 0, "seconds": 1.0}
    calls = {"made": 0, "replayed": 0, "failed": 0, "prompt_tokens": 0, "completion_tokens": 0}
    return {
        **{"stage": name, "fingerprint": "0", "calls": {**calls, "seconds": 0.0}, "seconds": 1.0},
        **{"read": 13, "kept": 7, "dropped": dropped, "failures": 0, "models": {}},
        "spending": [spent],
    }
