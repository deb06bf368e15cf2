"""What is trained of a conversation, token by token, for twelve families and every own template."""

import pytest

from chat_families import FAMILIES, TALK
from didact.records import INPUT_MARK, Message
from didact.text.masks import IGNORED, Row, masked_row, stretches, turns
from didact.text.templates import TEMPLATES

CORPUS = ["User: Say the opposite of hot. Assistant: cold, wet, of course \n\n [INST] ### Output:"]
TASK = [
    Message("user", f"Give the currency{INPUT_MARK}India"),
    Message("assistant", "Rupee"),
    Message("user", "And of France?"),
    Message("assistant", "Euro"),
]


def tokenizer_of(template, tokens, *, eos, bos=None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=list(tokens),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS * 3, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=eos, bos_token=bos)
    fast.chat_template = template
    return fast


def split(row, tokenizer):
    """The row as text, what is trained in double brackets; a run for every change."""
    text, inside = "", False
    run: list[int] = []
    for token, label in [*zip(row.ids, row.labels, strict=True), (None, IGNORED)]:
        if (label != IGNORED) != inside or token is None:
            piece = tokenizer.decode(run)
            text += f"⟦{piece}⟧" if inside else piece
            run, inside = [], label != IGNORED
        run.append(token)
    return text


@pytest.mark.parametrize("name", FAMILIES)
def test_the_answers_of_a_family_and_what_closes_them_are_trained(name):
    """methods.md 18.5, the last two lines."""
    family = FAMILIES[name]
    tokenizer = tokenizer_of(family.template, family.tokens, eos=family.eos, bos=family.bos)
    row = masked_row(TALK, tokenizer, max_length=None)
    assert isinstance(row, Row), row
    trained = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(trained) == family.trained
    stop = family.trained.rpartition("course")[2].strip()
    (stop_id,) = tokenizer(stop, add_special_tokens=False)["input_ids"]
    assert trained.count(stop_id) == 2
    assert trained[-1] == stop_id
    whole = tokenizer.apply_chat_template([m.to_json() for m in TALK], tokenize=False)
    assert whole.startswith(tokenizer.decode(row.ids))
    for index, (start, _) in zip((1, 3), stretches(row.labels), strict=True):
        asked = tokenizer.apply_chat_template(
            [m.to_json() for m in TALK[:index]], add_generation_prompt=True, return_dict=False
        )
        assert row.ids[start - 4 : start] == asked[-4:]


GOLDEN = {
    "didact": (
        "Here is a task. Write a response that carries it out.\n\n### Instruction:\nGive the"
        " currency\n\n### Input:\nIndia\n\n### Response:\n⟦Rupee</s>⟧\n\n### Instruction:\nAnd of"
        " France?\n\n### Response:\n⟦Euro</s>⟧"
    ),
    "alpaca": (
        "Here is a task, and an input that it is about. Write a response that carries it out."
        "\n\n### Instruction:\nGive the currency\n\n### Input:\nIndia\n\n### Response:⟦Rupee</s>⟧"
        "\n\n### Instruction:\nAnd of France?\n\n### Response:⟦Euro</s>⟧"
    ),
    "qlora": (
        "Here is a task, and an input that it is about. Write a response that carries it out."
        "\n\n### Instruction:\nGive the currency\n\n### Input:\nIndia\n\n### Response: ⟦Rupee</s>⟧"
        "\n\n### Instruction:\nAnd of France?\n\n### Response: ⟦Euro</s>⟧"
    ),
    "vicuna": (
        "A person talks to an AI assistant. The assistant answers helpfully, in detail and"
        " politely. USER: Give the currency\n\nInput:\nIndia ASSISTANT:⟦ Rupee</s>⟧USER: And of"
        " France? ASSISTANT:⟦ Euro</s>⟧"
    ),
    "chatml": (
        "<|im_start|>user\nGive the currency\n\nInput:\nIndia<|im_end|>\n<|im_start|>assistant\n"
        "⟦Rupee<|im_end|>⟧\n<|im_start|>user\nAnd of France?<|im_end|>\n<|im_start|>assistant\n"
        "⟦Euro<|im_end|>⟧"
    ),
    "dolly": (
        "Here is a task. Write a response that carries it out.\n\n### Instruction:\nGive the"
        " currency\n\nInput:\nIndia\n\n### Response:\n⟦Rupee\n\n### End⟧\n\n### Instruction:\nAnd"
        " of France?\n\n### Response:\n⟦Euro\n\n### End⟧"
    ),
    "tk-instruct": (
        "Definition: Give the currency.\n\nNow complete the following example -\nInput: India."
        "\nOutput: ⟦Rupee</s>⟧\n\nDefinition: And of France?\n\nNow complete the following example"
        " -\nInput: \nOutput: ⟦Euro</s>⟧"
    ),
    "self-instruct": (
        "Give the currency\n\nInput: India\n\nOutput:⟦ Rupee</s>⟧\n\nAnd of France?\n\nOutput:"
        "⟦ Euro</s>⟧"
    ),
    "plain": "Give the currency\n\nIndia\n\n⟦Rupee</s>⟧\n\nAnd of France?\n\n⟦Euro</s>⟧",
}


def test_every_template_has_its_golden_row():
    assert set(GOLDEN) == set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_row_of_a_template_is_this_and_these_tokens_of_it_are_trained(name):
    """methods.md 18.4: markers and separators to the character."""
    template = TEMPLATES[name]
    tokenizer = tokenizer_of(template.jinja, ["</s>", *template.tokens], eos="</s>")
    row = masked_row(TASK, tokenizer, max_length=None)
    assert isinstance(row, Row), row
    assert split(row, tokenizer) == GOLDEN[name]
    assert [turn.answer.strip() for turn in turns(TASK, tokenizer)] == ["Rupee", "Euro"]


def test_the_prompt_of_tk_instruct_is_that_of_its_code():
    """methods.md 10.3, the case without examples."""
    tokenizer = tokenizer_of(TEMPLATES["tk-instruct"].jinja, ["</s>"], eos="</s>")
    asked = Message("user", f"Return the currency of the given country{INPUT_MARK}India")
    assert tokenizer.apply_chat_template(
        [asked.to_json()], tokenize=False, add_generation_prompt=True
    ) == (
        "Definition: Return the currency of the given country.\n\nNow complete the following"
        " example -\nInput: India.\nOutput: "
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_system_turn_is_read_and_never_trained(name):
    template = TEMPLATES[name]
    tokenizer = tokenizer_of(template.jinja, ["</s>", *template.tokens], eos="</s>")
    row = masked_row([Message("system", "Be brief."), *TASK], tokenizer, max_length=None)
    assert isinstance(row, Row), row
    text = split(row, tokenizer)
    assert "Be brief." in text
    assert "Be brief." not in tokenizer.decode([n for n in row.labels if n != IGNORED])
