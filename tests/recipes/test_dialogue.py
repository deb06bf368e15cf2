"""Dialogue: transcripts, turn by turn, going on; trained on the assistant's text alone."""

import asyncio
import gzip

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.embedded import Embedded
from didact.models.scripted import Scripted
from didact.recipes.dialogue import Dialogue
from didact.records import Example, Message, Origin, Reply
from didact.sources.sharegpt import Sharegpt
from didact.text.chat import ALPACA_TEMPLATE
from didact.text.masks import IGNORED, masked_row

WHOLE = "[Human] One?\n[AI] First.\n[Human] Two?\n[AI] Second.\n[Human] Bye!"
ORIGIN = Origin(recipe="test")


def topics(count):
    return [Example.single(f"Topic {n}", "", origin=ORIGIN) for n in range(count)]


def talk(*texts, system=None, **meta):
    turns = [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]
    head = [Message("system", system)] if system else []
    return Example(messages=(*head, *turns), origin=ORIGIN, meta=meta)


def run(recipe, given, reply=WHOLE, human=None):
    events = []
    models = {"teacher": Scripted(replies=reply if callable(reply) else lambda _: reply)}
    if human:
        models["human"] = Scripted(replies=human if callable(human) else lambda _: human)

    async def collect():
        listen = lambda e, fields: events.append((e, fields))  # noqa: E731
        ctx = Context(models, seed=3, on_event=listen)
        return [example async for example in recipe.run(ctx, given)]

    examples = asyncio.run(collect())
    [told] = [fields for event, fields in events if event == "statistics"]
    funnel = told["funnel"]
    assert (
        funnel["candidates"] == len(given) == funnel["accepted"] + sum(funnel["dropped"].values())
    )
    assert len(examples) == funnel["accepted"]
    for example in examples:
        said = [turn.role for turn in example.messages if turn.role != "system"]
        assert said == ["user", "assistant"] * (len(said) // 2)
    return examples, told, models


def said(example):
    return [turn.content for turn in example.messages]


def test_one_call_writes_a_whole_conversation():
    examples, told, models = run(Dialogue(), topics(2)[:1])
    assert said(examples[0]) == ["One?", "First.", "Two?", "Second."]
    assert examples[0].meta == {"form": "transcript", "exchanges": 2, "topic": "Topic 0"}
    assert len(models["teacher"].asked) == 1
    assert told["exchanges"] == {"2": 1}
    assert (told["human_words"], told["answer_words"], told["turn_words"]) == (1.0, 1.0, 1.0)
    assert told["paper"]["dialogues"]["quora"] == 54_000


def test_faithful_leaves_out_everything_from_the_last_human_on():
    [whole], _, _ = run(Dialogue(), topics(1), WHOLE.removesuffix("\n[Human] Bye!"))
    [cut], _, _ = run(Dialogue(mode="faithful"), topics(1), WHOLE.removesuffix("\n[Human] Bye!"))
    assert len(whole.messages) == 4
    assert said(cut) == ["One?", "First."]


def test_what_was_cut_refused_or_unreadable_is_counted():
    """methods.md 18.7 (2), (6)."""
    replies = iter(
        [
            Reply(text=WHOLE[:-20], finish="length"),
            Reply(text=WHOLE, finish="refused"),
            "No marks at all.",
            "[Human] One?\n[AI]",
            WHOLE,
            WHOLE,
        ]
    )
    examples, told, _ = run(Dialogue(), topics(6), lambda _: next(replies))
    assert [len(example.messages) for example in examples] == [2, 4]
    assert told["funnel"]["dropped"] == {
        "refused": 1,
        "no marks": 1,
        "an empty turn": 1,
        "as another before": 1,
    }
    assert told["ended_early"] == {"cut off": 1, "refused": 1, "no marks": 1, "an empty turn": 1}


def test_too_short_conversations_are_none():
    examples, told, _ = run(Dialogue(least=3), topics(2))
    assert examples == []
    assert told["funnel"]["dropped"] == {"too few exchanges": 2}


def test_turn_by_turn_the_assistant_is_asked_like_any_chat_model():
    human = iter(["What is it?\n[AI] Let me see.", " Why?", "[End]"])
    answers = iter(["A thing.", "So."])
    examples, told, models = run(
        Dialogue(form="turns", human="human"),
        topics(1),
        lambda _: next(answers),
        lambda _: next(human),
    )
    assert said(examples[0]) == ["What is it?", "A thing.", "Why?", "So."]
    first, second = (request.messages for request in models["teacher"].asked)
    assert [turn.content for turn in first] == ["What is it?"]
    assert [turn.content for turn in second] == ["What is it?", "A thing.", "Why?"]
    asked = models["human"].asked
    assert len(asked) == 3
    assert all(request.sampling.stop == ("[AI]",) for request in asked)
    assert asked[1].messages[0].content.endswith("[Human] What is it?\n[AI] A thing.\n[Human] ")
    assert len(examples[0].origin.calls) == 4
    assert told["ended_early"] == {}


def test_turn_by_turn_there_are_no_more_exchanges_than_wanted():
    examples, _, models = run(
        Dialogue(form="turns", human="human", exchanges=3), topics(1), "Yes.", "And?"
    )
    assert len(examples[0].messages) == 6
    assert len(models["teacher"].asked) == len(models["human"].asked) == 3


@pytest.mark.parametrize(
    ("answer", "human", "ended"),
    [
        (Reply(text="Ye", finish="length"), "And?", "answer cut off"),
        ("", "And?", "answer empty"),
        ("Yes.", Reply(text="", finish="refused"), "human's turn refused"),
    ],
)
def test_turn_by_turn_what_is_no_turn_ends_it(answer, human, ended):
    examples, told, _ = run(Dialogue(form="turns", human="human"), topics(1), answer, human)
    assert examples == []
    assert told["funnel"]["dropped"] == told["ended_early"] == {ended: 1}


def test_a_conversation_goes_on_where_it_stops():
    given = [talk("Hi", "Ho", system="Be kind.", licence="CC0", rejected=["Hm"])]
    recipe = Dialogue(go_on=True, form="turns", human="human", exchanges=1)
    examples, _, models = run(recipe, given, "Yes.", "And?")
    assert said(examples[0]) == ["Be kind.", "Hi", "Ho", "And?", "Yes."]
    assert examples[0].meta == {
        "licence": "CC0",
        "form": "turns",
        "exchanges": 1,
        "turns_before": 3,
    }
    assert examples[0].origin.parents == (given[0].id,)
    assert [turn.content for turn in models["teacher"].asked[0].messages] == said(examples[0])[:4]


def test_one_that_waits_for_an_answer_gets_it_first():
    recipe = Dialogue(go_on=True, form="turns", human="human", exchanges=2)
    examples, _, models = run(recipe, [talk("Hi", "Ho", "Why?")], "Yes.", "And?")
    assert said(examples[0]) == ["Hi", "Ho", "Why?", "Yes.", "And?", "Yes."]
    assert len(models["human"].asked) == 1
    reply = "[AI] So.\n[Human] Ah!\n[AI] Yes."
    examples, _, _ = run(Dialogue(go_on=True), [talk("Hi", "Ho", "Why?")], reply)
    assert said(examples[0]) == ["Hi", "Ho", "Why?", "So.", "Ah!", "Yes."]


def test_conversations_that_cannot_go_on_are_refused():
    given = [
        talk("Hi", "Ho"),
        talk("Hi", "[AI] Ho"),
        talk("Hi", " "),
        Example(messages=(Message("assistant", "Ho"),), origin=ORIGIN),
        Example(messages=(Message("system", "Ho"),), origin=ORIGIN),
    ]
    examples, told, _ = run(Dialogue(go_on=True), given)
    assert len(examples) == 1
    assert told["funnel"]["dropped"] == {
        "a turn has the marks": 1,
        "an empty turn before": 1,
        "turns do not alternate": 1,
        "no turns": 1,
    }
    _, told, _ = run(Dialogue(), [talk(" ", "x")])
    assert told["funnel"]["dropped"] == {"no topic": 1}


def test_topics_that_are_alike_are_talked_about_anew():
    one = Example.single("Birds", "a", origin=ORIGIN)
    two = Example.single("Birds", "b", origin=ORIGIN)
    _, _, models = run(Dialogue(), [one, two])
    assert sorted(request.draw for request in models["teacher"].asked) == [0, 1]


def test_a_failed_call_costs_its_conversation():
    def failing(request):
        raise ModelError("too long", status=400)

    _, told, _ = run(Dialogue(), topics(2), failing)
    assert told["funnel"]["dropped"] == {"no reply": 2}


def test_what_is_trained_is_the_assistant_s_text_alone():
    """methods.md 12.5 and 18.5: the assistant's turns and their end; trained + masked = whole."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(Embedded.directory())
    tokenizer.chat_template = ALPACA_TEMPLATE
    [example], _, _ = run(Dialogue(), topics(1))
    row = masked_row(example.messages, tokenizer, max_length=None)
    trained = [label for label in row.labels if label != IGNORED]
    end = tokenizer.eos_token
    assert tokenizer.decode(trained) == f"First.{end}Second.{end}"
    assert tokenizer.decode(row.ids) == tokenizer.apply_chat_template(
        [turn.to_json() for turn in example.messages], tokenize=False
    )


def test_the_estimate_is_what_is_asked():
    given = topics(3)
    [step] = Dialogue().estimate(given).steps
    assert (step.role, step.calls) == ("teacher", (3, 3))
    recipe = Dialogue(form="turns", human="human", exchanges=2)
    numbers = iter(range(9))
    _, _, models = run(recipe, given, "Yes.", lambda _: f"Why {next(numbers)}?")
    for step in recipe.estimate(given).steps:
        assert step.calls == (3 if step.role == "human" else 0, 6)
        assert step.calls.high == len(models[step.role].asked)


def test_wrong_settings_are_told():
    for wrong in ({"exchanges": 0}, {"least": 0}, {"form": "turns", "least": 5}):
        with pytest.raises(ConfigError):
            Dialogue(**wrong)
    with pytest.raises(ConfigError, match="there are no topics"):
        run(Dialogue(), [])


def test_imported_conversations_go_on(data, tmp_path):
    """methods.md 12.1."""
    path = tmp_path / "conversations.json"
    with gzip.open(data / "sharegpt_style/dummy_conversation.json.gz", "rt") as file:
        path.write_text(file.read())
    given = list(Sharegpt(path=path).read())
    assert len(given) > 100
    recipe = Dialogue(go_on=True, form="turns", human="human", exchanges=1)
    examples, _, _ = run(recipe, given, "Yes.", "And?")
    assert len(examples) == len({example.id for example in examples}) > 100
    for example in examples:
        assert said(example)[-2:] == ["And?", "Yes."]
        assert len(example.messages) == example.meta["turns_before"] + 2
