"""Magpie: stop, strip, tags, groups, order; what is sent, what it costs, what is counted."""

import asyncio
import json
from collections import Counter

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.magpie import Magpie
from didact.records import Example, Origin, Reply
from didact.runfile import load
from didact.text.pre_query import FAMILIES

HEADER = "<|start_header_id|>user<|end_header_id|>\n\n"
STREAM = [
    " Write a poem about the sea.\n",
    "Name five rivers:",
    "write a poem about the sea",
    "Vague",
    "",
    "What does an assistant do all day?",
]
QUALITY = {"Vague": "poor"}


def teacher(stream, *, quality=QUALITY, length=None):
    """Samples from the stream; answers as long as `length` says; tags by instruction."""

    def reply(request):
        if request.prompt is not None:
            return stream[request.draw]
        text = request.messages[0].content
        if "[End of query]" not in text:
            return "x" * (length or {}).get(text, 10)
        asked = text.partition("[Query]\n")[2].partition("\n[End of query]")[0]
        said = quality.get(asked, "good")
        if isinstance(said, list):
            said = said[request.draw]
        if isinstance(said, Reply):
            return said
        return json.dumps({"input_quality": said, "difficulty": "easy", "primary_tag": "Math"})

    return reply


def run(recipe, replies, given=(), **roles):
    events = []
    models = {"teacher": Scripted(replies=replies)}
    models |= {role: Scripted(replies=answer, name=role) for role, answer in roles.items()}

    async def collect():
        listen = lambda e, fields: events.append((e, fields))  # noqa: E731
        ctx = Context(models, seed=3, on_event=listen)
        return [example async for example in recipe.run(ctx, given)]

    examples = asyncio.run(collect())
    [told] = [fields for event, fields in events if event == "statistics"]
    funnel = told["funnel"]
    assert funnel["candidates"] == recipe.samples
    assert funnel["accepted"] == len(examples) == recipe.samples - sum(funnel["dropped"].values())
    return examples, told, models, events


def magpie(**settings):
    return Magpie(**{"family": "llama-3", "samples": len(STREAM), **settings})


def instructions(examples):
    return [example.instruction for example in examples]


def test_a_fixed_stream_of_samples():
    """methods.md 17.7: stop, strip, tags, groups and order."""
    examples, told, models, _ = run(magpie(), teacher(STREAM))
    assert instructions(examples) == [
        "Write a poem about the sea.",
        "What does an assistant do all day?",
    ]
    assert told["funnel"]["dropped"] == {
        "ends with a colon": 1,
        "near to another": 1,
        "quality poor": 1,
        "instruction empty": 1,
    }
    first = examples[0]
    assert first.meta == {
        "pre_query_template": HEADER,
        "input_quality": "good",
        "quality_explanation": "",
        "difficulty": "easy",
        "intent": "",
        "knowledge": "",
        "task_category": "Math",
        "other_task_category": [],
        "min_neighbor_distance": 0.0,
        "repeat_count": 1,
        "min_similar": 0,
        "sample": 0,
    }
    assert first.origin.parents == ()
    assert len(first.origin.calls) == 5
    assert told["tags"]["input_quality"] == {"good": 3, "poor": 1}
    assert told["paper"] == {"sampled": 3_000_000, "filtered": 300_000}
    # What fails early costs no answer, and no further tags.
    asked = Counter("prompt" if r.prompt is not None else "chat" for r in models["teacher"].asked)
    assert asked == {"prompt": 6, "chat": 4 + 2 + 1 + 2 * 2 + 2 * 1}


def test_what_is_sent_is_the_start_of_a_user_s_turn_and_nothing_else():
    """methods.md 17.7 (1): temperature and top_p 1, 2,048 tokens, stops and a line's end."""
    for mode, opening in (("corrected", ""), ("faithful", "<|begin_of_text|>")):
        _, _, models, _ = run(magpie(mode=mode), teacher(STREAM))
        sent = [request for request in models["teacher"].asked if request.prompt is not None]
        assert {request.prompt for request in sent} == {opening + HEADER}
        assert sorted(request.draw for request in sent) == list(range(6))
        sampling = sent[0].sampling
        assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 1.0, 2048)
        assert set(FAMILIES["llama-3"].own.stops) < set(sampling.stop)
        assert "\n" in sampling.stop
        # The word as a stop would cut the last of the stream in two.
        assert ("assistant" in sampling.stop) == (mode == "faithful")
    _, _, models, _ = run(magpie(early_stopping=False, stops=("END",)), teacher(STREAM))
    stops = models["teacher"].asked[0].sampling.stop
    assert "\n" not in stops
    assert stops[-1] == "END"


def test_answers_and_tags_are_greedy():
    """methods.md 17.7 (2), (4)."""
    _, _, models, _ = run(magpie(), teacher(STREAM))
    chats = [request for request in models["teacher"].asked if request.messages]
    limits = {(request.sampling.temperature, request.sampling.max_tokens) for request in chats}
    assert limits == {(0.0, 4096), (0.0, 1024)}


def test_an_early_stop_leaves_a_colon_and_that_is_the_repair():
    """methods.md 17.7: the trap of the newline."""
    examples, told, _, _ = run(magpie(samples=1), teacher(["Sort these words:"]))
    assert examples == []
    assert told["funnel"]["dropped"] == {"ends with a colon": 1}


CHAIN = [
    "one two three four five six seven eight nine ten",
    "one two three four five six seven eight nine ten ten",
    "zero one two three four five six seven eight nine ten ten",
]


def test_an_instruction_goes_only_for_one_that_is_kept():
    """methods.md 17.7 (5): groups are not closed; and a group may go with its first."""
    settings = {"samples": 3, "near": 0.16}
    both = {}
    for mode in ("corrected", "faithful"):
        examples, *_ = run(magpie(mode=mode, **settings), teacher(CHAIN))
        both[mode] = instructions(examples)
        similar = {e.meta["sample"]: e.meta["min_similar"] for e in examples}
        assert similar[0] == 0
    assert both == {"corrected": [CHAIN[0], CHAIN[2]], "faithful": [CHAIN[0]]}
    poor = teacher(CHAIN[:2], quality={CHAIN[0]: "poor"})
    for mode, kept in (("corrected", [CHAIN[1]]), ("faithful", [])):
        examples, _, _, _ = run(magpie(mode=mode, samples=2, near=0.16), poor)
        assert instructions(examples) == kept


def test_the_longest_answers_are_kept_and_faithfully_shuffled():
    """methods.md 17.7 (6): the longest by characters; shuffled with seed 42."""
    stream = [f"Topic number {n} of {'abcdefgh'[n]}?" for n in range(8)]
    replies = teacher(stream, length={text: 10 + n for n, text in enumerate(stream)})
    examples, told, _, _ = run(magpie(samples=8, longest=5), replies)
    assert instructions(examples) == stream[3:]
    assert told["funnel"]["dropped"] == {"not among the longest": 3}
    faithful, _, _, _ = run(magpie(samples=8, longest=5, mode="faithful"), replies)
    assert sorted(instructions(faithful)) == stream[3:]
    # numpy's permutation for seed 42, which datasets shuffles by, over the longest first.
    assert instructions(faithful) == [stream[7 - place] for place in (4, 2, 3, 1, 0)]


def test_everything_is_kept_with_its_tags_where_that_is_asked_for():
    examples, told, _, _ = run(magpie(keep="all", longest=1), teacher(STREAM))
    assert [example.meta["sample"] for example in examples] == [0, 1, 2, 3, 5]
    assert told["funnel"]["dropped"] == {"instruction empty": 1}
    assert examples[3].meta["input_quality"] == "poor"
    assert examples[2].meta["min_similar"] == 0


def test_a_tag_that_cannot_be_read_is_asked_for_again_and_is_no_low_one():
    """methods.md 18.7 (2): unscored is told apart, asked again, then left out."""
    broken = Reply(text='{"input_quality": "go', finish="length")
    quality = {"A b c.": [broken, "excellent"], "D e f.": [broken, broken]}
    replies = teacher(["A b c.", "D e f."], quality=quality)
    examples, told, _, _ = run(magpie(samples=2), replies)
    assert [example.meta["input_quality"] for example in examples] == ["excellent"]
    assert told["tags_not_read"] == {"quality": 1}
    assert told["funnel"]["dropped"] == {"quality not told": 1}
    examples, told, _, _ = run(magpie(samples=2, mode="faithful"), replies)
    assert examples == []
    assert told["tags_not_read"] == {"quality": 2}


def test_what_was_cut_or_refused_is_counted():
    stream = [Reply(text="Wri", finish="length"), "A b c.", "D e f."]
    base = teacher(stream)

    def reply(request):
        if request.messages and request.messages[0].content == "A b c.":
            return Reply(text="Ye", finish="length")
        if request.messages and request.messages[0].content == "D e f.":
            return " "
        return base(request)

    _, told, _, _ = run(magpie(samples=3), reply)
    assert told["funnel"]["dropped"] == {
        "instruction cut off": 1,
        "answer cut off": 1,
        "answer empty": 1,
    }


def test_rewards_and_safety():
    """methods.md 17.7 (4), (6): reward above -10; Llama-Guard tells, and drops nothing."""
    stream = ["A b c.", "D e f.", "G h i.", "J k l."]
    rewards = {"A b c.": "reward:-9.5", "D e f.": "-10", "G h i.": "?", "J k l.": "2"}
    examples, told, models, _ = run(
        magpie(samples=4, rewarder="rm", guard="guard", tags=()),
        teacher(stream),
        rm=lambda request: rewards[request.messages[0].content],
        guard=lambda request: "unsafe\nS1" if "A b" in request.messages[0].content else "safe",
    )
    assert [example.meta["instruct_reward"] for example in examples] == [-9.5, 2.0]
    assert examples[0].meta["llama_guard_2"] == "unsafe\nS1"
    assert told["tags"] == {"llama_guard_2": {"unsafe": 1, "safe": 3}}
    assert told["funnel"]["dropped"] == {"reward too low": 1, "reward not told": 1}
    request = models["rm"].asked[0]
    assert [turn.role for turn in request.messages] == ["user", "assistant"]
    recipe = magpie(rewarder="rm", guard="guard", tags=())
    assert [*recipe.needs] == ["model", "answerer", "guard", "rewarder"]
    assert recipe.needs["model"] == {"completion"}


def test_languages_are_told_without_a_call():
    pytest.importorskip("py3langid")
    stream = ["What is the capital of this country?", "Wie heißt die Hauptstadt dieses Landes?"]
    examples, _, models, _ = run(magpie(samples=2, tags=("language",)), teacher(stream))
    assert [example.meta["language"] for example in examples] == ["en", "de"]
    assert len(models["teacher"].asked) == 4


def test_a_failed_call_costs_its_sample():
    base = teacher(STREAM)

    def reply(request):
        if request.draw == 0 and request.prompt is not None:
            raise ModelError("down", status=400)
        return base(request)

    _, told, _, _ = run(magpie(), reply)
    assert told["funnel"]["dropped"]["no reply"] == 1


def test_seeds_are_told_to_be_ignored():
    seed = Example.single("Sing.", "La.", origin=Origin(recipe="test"))
    *_, events = run(magpie(), teacher(STREAM), [seed])
    assert ("ignored", 1) in [(event, fields.get("seeds")) for event, fields in events]


def test_the_estimate_holds_what_is_asked():
    recipe = magpie()
    _, _, models, _ = run(recipe, teacher(STREAM))
    calls = recipe.estimate([]).calls
    assert calls.low <= len(models["teacher"].asked) <= calls.high
    names = [step.name for step in recipe.estimate([]).steps]
    assert names == [
        "instructions", "tags: quality", "tags: difficulty", "tags: category", "answers",
    ]  # fmt: skip


def test_wrong_settings_are_told():
    with pytest.raises(ConfigError, match="give one of `family`"):
        Magpie()
    for wrong in ({"pre_query": "User:"}, {"samples": 0}, {"near": 4}, {"longest": 0}):
        with pytest.raises(ConfigError):
            magpie(**wrong)
    own = Magpie(pre_query="User: ", samples=1)
    assert run(own, teacher(["A b c."]))[2]["teacher"].asked[0].prompt == "User: "


def test_a_model_that_cannot_continue_a_text_is_told_before_any_call(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(
        "name: m\nmodels:\n  teacher: {use: scripted, replies: [a], can: [chat]}\n"
        "generate:\n  - {use: magpie, family: llama-3}\n"
    )
    with pytest.raises(ConfigError, match="must be able to do completion"):
        load(path)
