"""What declines, what speaks as a model, what is left blank, and what only sounds like it."""

import gzip
import json

import pytest

from didact.text.refusals import find_evasion


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I'm sorry, but I can't assist with that request.", "refusal"),
        ("I’m sorry, but I cannot help you with that.", "refusal"),  # noqa: RUF001
        ("Unfortunately, I am unable to open the link.", "refusal"),
        ("I cannot provide medical advice on this question.", "refusal"),
        ("I must decline.", "refusal"),
        ("The task cannot be completed without more information.", "refusal"),
        ("Es tut mir leid, aber ich kann dabei nicht helfen.", "refusal"),
        ("Je suis désolé, mais je ne peux pas répondre.", "refusal"),
        ("Lo siento, pero no puedo ayudar con eso.", "refusal"),
        ("很抱歉，我无法回答这个问题。", "refusal"),  # noqa: RUF001
        ("申し訳ありませんが、お答えできません。", "refusal"),
        ("As an AI language model, I have no feelings.", "identity"),
        ("It was warm. I am a chatbot trained to help.", "identity"),
        ("I was trained by OpenAI to answer.", "identity"),
        ("作为一个人工智能，我没有感觉。", "identity"),  # noqa: RUF001
        ("Dear [Your Name],\nThank you.", "placeholder"),
        ("<noinput>", "placeholder"),
        ("N/A", "placeholder"),
        ("Sure! Here is the list:\n1. a", "boilerplate"),
        ("It is 4. I hope this helps!", "boilerplate"),
        ("The cat sat. I can't believe it!", None),
        ("I can't wait to see you at the party!", None),
        ("Dear customer, unfortunately we cannot offer a refund.", None),
        ('She said: "I cannot help you," and left.', None),
        ("Once there was a robot. " * 20 + "I cannot help you with that, it said.", None),
        ("[A link](https://a.example) and an array[name].", None),
        ("The cost is N/A for now.", None),
        ("", None),
    ],
)
def test_each_kind_is_told_from_the_others_and_from_plain_text(text, kind):
    found = find_evasion(text)
    assert (found.kind if found else None) == kind
    if found:
        assert text.replace("’", "'")[found.start :].lstrip().startswith(found.text)  # noqa: RUF001


def test_only_the_kinds_asked_for_are_found_in_their_order():
    text = "As an AI language model, I can't help you with this. [Your Name]"
    assert find_evasion(text).kind == "refusal"
    assert find_evasion(text, kinds=("placeholder", "identity")).kind == "placeholder"
    assert find_evasion(text, kinds=()) is None


def test_of_real_answers_few_are_called_refusals(data):
    path = data / "alpaca" / "alpaca_random_9k.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    answers = [json.loads(line)["output"] for line in lines[:3000]]
    found = [one for text in answers if (one := find_evasion(text, kinds=("refusal", "identity")))]
    assert len(found) <= 3
