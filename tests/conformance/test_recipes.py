"""What every recipe keeps to, over all files of the folder: replay, resume, provenance, limits."""

import asyncio
import json
import pkgutil
import random
import re
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

import didact.recipes
from didact.calls import CallLog
from didact.context import Budget, Context
from didact.errors import BudgetError, ModelError
from didact.mixture import asks
from didact.models.scripted import Scripted
from didact.records import Example, Origin, Reply, digest

NAMES = sorted(module.name for module in pkgutil.iter_modules(didact.recipes.__path__))
TARGET = 6
SHORT = {"shortest": 1, "model": "teacher"}
SMALL = {
    "backtranslation": SHORT,
    "backward": {},
    "best_of_n": {"reward": "teacher", "samples": 2, "temperature": 0.7},
    "tagged": {"data": "seed"},
    "tagged:system": {"data": "augmented", "place": "system"},
    "alpaca": {"target": TARGET, "max_prompts": 30, "width": 3, "tasks_per_call": 5},
    "chain_of_thought": {"attempts": 6},
    "dialogue": {},
    "dialogue:turns": {"form": "turns", "exchanges": 2},
    "dialogue:going_on": {"form": "turns", "exchanges": 1, "go_on": True},
    "evol_instruct": {"rounds": 1},
    "flan": {"few_shot": 0.5, "shots": 2},
    "magpie": {"family": "llama-3", "samples": 6},
    "magpie:faithful": {"family": "llama-3", "samples": 6, "mode": "faithful"},
    "orca": {"weaker": "teacher", "part": 0.4},
    "promptsource": {"templates": Path(__file__).parent / "promptsource.yaml"},
    "reanswer": {},
    "reanswer:pairs": {"pairs": True},
    "reanswer:translated": {"language": "Latin"},
    "unnatural": {"target": 2, "max_prompts": 8, "groups": 1, "width": 2},
    "self_instruct": {
        "target": TARGET,
        "width": 3,
        "demonstrations": 4,
        "machine_demonstrations": 1,
        "last_number": 8,
        "classification_demonstrations": 4,
        "label_demonstrations": 2,
        "instance_demonstrations": 2,
        "max_prompts": 5,
    },
}
"""Settings that make few calls; a new recipe needs an entry, and may have more, `name:which`."""

VERBS = ("Describe", "Name", "Compare", "Rewrite", "Explain", "Count", "Sort", "Praise", "Choose")
NOUNS = ("rivers", "apples", "horses", "towns", "songs", "colours", "letters", "tools", "birds")
ENDS = ("with care", "in one line", "from memory", "by weight", "as a poem", "for a child")


def seeds():
    rows = [
        ("Is this animal a mammal or a bird?", "Crow", "bird", True),
        ("Tell whether the number is odd or even.", "7", "odd", True),
        ("Give the plural of the word.", "mouse", "mice", False),
        ("Greet a guest.", "", "Welcome!", False),
        ("Add the two numbers.", "2 and 3", "5", False),
    ]
    origin = Origin(recipe="test")
    return [
        Example.single(text, output, input=given, origin=origin, meta={"is_classification": kind})
        for text, given, output, kind in rows
    ]


def plausible(request):
    """A teacher that answers each kind of prompt as asked, and a request always alike."""
    prompt = request.prompt or request.messages[-1].content
    rng = random.Random(digest(request.to_json()))
    if request.messages and request.messages[-1].role == "assistant":
        return str(rng.random())
    if answer := _marked(prompt, rng):
        return answer
    if re.search(r"\n\d+\.\Z", prompt):
        first = int(prompt.rsplit("\n", 1)[1][:-1])
        lines = (
            f"{rng.choice(VERBS)} {rng.randint(2, 99)} {rng.choice(NOUNS)} and"
            f" {rng.choice(NOUNS)} {rng.choice(ENDS)}."
            for _ in range(3)
        )
        return " " + "\n".join(f"{n}. {line}" for n, line in enumerate(lines, first))[3:]
    if prompt.endswith("Is it classification?"):
        return rng.choice([" Yes", " No"])
    thing = rng.choice(NOUNS)
    if "Class label:" in prompt:
        return f"Class label: big\n{thing} A\nClass label: small\n{thing} B"
    return (
        f"Example 1\nInput: {thing}\nOutput: fine {thing}\nExample 2\nInput: x\nOutput: y {thing}"
    )


def _marked(prompt, rng):
    """What the mark at the end of a prompt asks for; None where it is none of these."""
    line = f"{rng.choice(VERBS)} {rng.randint(2, 99)} {rng.choice(NOUNS)} {rng.choice(ENDS)}."
    if task := re.search(r"###\n(\d+)\. Instruction:\Z", prompt):
        number = int(task[1])
        if rng.random() < 0.6:
            line = "Draw a map of the town."
        return (
            f" {line}\n{number}. Input:\n<noinput>\n{number}. Output:\nIt is done.\n###\n"
            f"{number + 1}. Instruction: Sing it.\n{number + 1}. Input:\n{line}\n"
            f"{number + 1}. Output:\nThey are done."
        )
    if prompt.endswith("Prompt#:\n"):
        return line
    if re.search(r"Example \d+\nInstruction:\Z", prompt):
        return f" {line}\nInput: {rng.choice(NOUNS)}\nConstraints: None."
    if prompt.endswith("\nOutput:") and "\nConstraints:" in prompt:
        return f" {line}"
    if prompt.endswith(("\nIn other words:", "\nSecond:")):
        return f" With {{INPUT}}, {line}"
    if prompt.endswith("Answer: (the answer)"):
        asked = next(seed for seed in seeds() if prompt.startswith(seed.instruction))
        return f"{line}\nAnswer: {asked.output if rng.random() < 0.4 else 'seventy'}"
    if prompt.endswith("[Translation]\n"):
        return f"In Latin: {line}"
    if "The first line of your reply holds" in prompt:
        return f"{rng.randint(1, 10)} {rng.randint(1, 10)}\nSo it is."
    if prompt.endswith("### Response:\n"):
        return line
    if prompt.endswith("Your judgement:"):
        return rng.choice(["Not Equal", "Not Equal", "Equal"])
    if prompt.endswith("\n[AI] Good day! What can I do for you?\n"):
        return f"[Human] {line}\n[AI] It is done.\n[Human] And then?\n[AI] {line}\n[Human] Bye!"
    if prompt.endswith("<|end_header_id|>\n\n"):
        return rng.choice([line, line, f"{line[:-1]}:"])
    if "[End of query]" in prompt:
        level = rng.choice(["poor", "good", "good", "excellent"])
        return f'{{"input_quality": "{level}", "difficulty": "easy", "primary_tag": "Math"}}'
    if prompt.endswith("\n[Human] "):
        return rng.choice([line, line, f"{line}\n[AI] Yes.", "[End]"])
    return None


@pytest.fixture(params=[*NAMES, *(name for name in SMALL if ":" in name)])
def recipe(request):
    assert request.param in SMALL, f"give the recipe {request.param} small settings here"
    module = import_module(f"didact.recipes.{request.param.partition(':')[0]}")
    [name] = module.__all__
    return getattr(module, name)(**SMALL[request.param])


@pytest.fixture
def asking(recipe):
    """A recipe that asks models; one that only rewrites what there is has no calls to lose."""
    if not asks(recipe):
        pytest.skip("asks no model")


def run(recipe, model, *, log=None, **options):
    async def collect():
        ctx = Context({"teacher": model}, log=log, seed=3, **options)
        return [example async for example in recipe.run(ctx, seeds())], ctx

    return asyncio.run(collect())


def text_of(examples):
    return "\n".join(json.dumps(example.to_json()) for example in examples)


class Killed(BaseException):
    """What a process does not survive."""


@dataclass(frozen=True)
class Mortal:
    """The plausible teacher, in a process that dies at its k-th call."""

    dies_at: int | None = None
    asked: list = field(default_factory=list)
    jitter: random.Random | None = None
    identity = "mortal"

    async def ask(self, request):
        if self.dies_at is not None and len(self.asked) + 1 == self.dies_at:
            raise Killed
        self.asked.append(digest(request.to_json()))
        if self.jitter:
            await asyncio.sleep(self.jitter.random() / 500)
        return Reply(text=plausible(request))

    async def close(self):
        pass


def test_a_plausible_teacher_gives_valid_examples(recipe):
    examples, ctx = run(recipe, Scripted(replies=plausible))
    assert examples
    assert ctx.failures == []
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        assert example.instruction.strip()
        assert example.output.strip()
        assert Example.from_json(json.loads(json.dumps(example.to_json()))) == example


def test_twice_gives_the_same_bytes_whatever_call_ends_first(recipe):
    expected = text_of(run(recipe, Mortal())[0])
    for seed in (1, 2):
        assert text_of(run(recipe, Mortal(jitter=random.Random(seed)))[0]) == expected


@pytest.mark.usefixtures("asking")
def test_killed_after_any_call_and_resumed_gives_the_same_bytes_and_repeats_no_call(
    recipe, tmp_path
):
    whole = Mortal()
    expected = text_of(run(recipe, whole)[0])
    assert len(whole.asked) >= 5
    for k in range(1, len(whole.asked) + 1):
        log = CallLog.open(tmp_path / f"{k}.db", write=True)
        first, second = Mortal(dies_at=k), Mortal()
        with pytest.raises(Killed):
            run(recipe, first, log=log)
        assert text_of(run(recipe, second, log=log)[0]) == expected
        # What was under way at the kill may be lost; what was logged is never asked again.
        logged = len(whole.asked) - len(second.asked)
        assert 0 <= len(first.asked) - logged < len(whole.asked)
        assert len(set(second.asked)) == len(second.asked)
        assert logged + len(second.asked) == sum(1 for _ in log)
        log.close()


def test_a_finished_run_replays_without_any_call(recipe):
    log = CallLog.in_memory()
    expected = text_of(run(recipe, Mortal(), log=log)[0])
    again = Mortal()
    assert text_of(run(recipe, again, log=log)[0]) == expected
    assert again.asked == []


def test_every_example_knows_its_parents_and_its_calls(recipe):
    log = CallLog.in_memory()
    examples, _ = run(recipe, Mortal(), log=log)
    known = {seed.id: seed for seed in seeds()}
    for example in examples:
        assert example.origin.recipe
        # What begins with nothing has no parents.
        assert example.origin.parents or example.origin.recipe == "magpie"
        assert set(example.origin.parents) <= set(known)
        if not asks(recipe):
            continue
        assert example.origin.calls
        replies = [log.get(key) for key in example.origin.calls]
        assert all(call is not None and call.reply is not None for call in replies)
        # An answer that competes with others may be the one that a seed has.
        texts = [call.reply.text for call in replies]
        texts += [known[parent].output for parent in example.origin.parents]
        written = example.meta.get("rationale") or example.output
        assert any(written in text for text in texts)
        known[example.id] = example


def test_the_target_is_respected(recipe):
    examples, _ = run(recipe, Mortal())
    assert len({example.instruction for example in examples}) <= TARGET


@pytest.mark.usefixtures("asking")
def test_stopped_at_the_first_example_it_still_tells_its_statistics_once(recipe):
    told = []

    async def first():
        ctx = Context({"teacher": Mortal()}, seed=3, on_event=lambda *event: told.append(event))
        async with aclosing(recipe.run(ctx, seeds())) as examples:
            return await anext(examples)

    example = asyncio.run(first())
    assert example.output
    [statistics] = [fields for event, fields in told if event == "statistics"]
    assert "no reply" not in json.dumps(statistics)


@pytest.mark.usefixtures("asking")
def test_a_budget_stops_the_run_and_a_larger_one_continues_it(recipe):
    log = CallLog.in_memory()
    with pytest.raises(BudgetError):
        run(recipe, Mortal(), log=log, budget=Budget(calls=4))
    assert sum(1 for _ in log) <= 4
    whole = Mortal()
    expected = text_of(run(recipe, whole)[0])
    assert text_of(run(recipe, Mortal(), log=log, budget=Budget(calls=500))[0]) == expected
    assert sum(1 for _ in log) == len(whole.asked)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        " \n\n\t ",
        "word " * 50_000,
        "请列出三种水果。\n10. 写一首关于海的诗。\nOutput: 好",
        "Output:\nOutput:\nClass label:\n9.\n10.\nExample 1\nInput:\nInput:",
        "{" * 100 + "\x00\\u0000%s{0}" + "}" * 100,
        Reply(text="I would rather not help with any of this.", finish="refused"),
        Reply(text=" Name two birds that swim.\n6. Name two", finish="length"),
    ],
    ids=["empty", "blank", "huge", "script", "marks", "braces", "refused", "cut"],
)
def test_any_reply_is_survived_and_gives_only_valid_examples(recipe, reply):
    def mixed(request):
        fine = random.Random(digest(request.to_json())).random() < 0.5
        return plausible(request) if fine else reply

    for answering in (mixed, lambda request: reply):
        examples, _ = run(recipe, Scripted(replies=answering))
        assert all(example.instruction.strip() and example.output.strip() for example in examples)


@pytest.mark.usefixtures("asking")
def test_a_call_that_fails_costs_its_item_and_is_recorded(recipe):
    def failing(request):
        if random.Random(digest(request.to_json())).random() < 0.3:
            raise ModelError("the prompt is longer than the context", status=400)
        return plausible(request)

    examples, ctx = run(recipe, Scripted(replies=failing))
    assert ctx.failures
    assert all("longer than the context" in failure.error for failure in ctx.failures)
    assert len({example.id for example in examples}) == len(examples)
