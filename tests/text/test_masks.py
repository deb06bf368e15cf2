"""Masks with real tokenizers: a byte-level BPE, one that adds spaces to each piece, and GPT-2."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.records import Message
from didact.text.chat import ALPACA_TEMPLATE
from didact.text.masks import IGNORED, Refused, masked_row, turns

GPT2 = Path(os.environ.get("DIDACT_DATA", "../shared/data")) / "tokenizers/gpt2"
PROMPT = Message("user", "Say the opposite.\n\nInput:\nhot")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
INST = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'assistant' %} {{ m.content }} </s>"
    "{% else %}{{ raise_exception('no ' + m.role) }}{% endif %}{% endfor %}"
)


def wrapped(backend, **options):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=backend, **options)


def byte_level(template, **options):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["</s>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["### Response:\ncold, say the opposite of hot"] * 3, trainer)
    return wrapped(backend, eos_token="</s>", chat_template=template, **options)


@pytest.fixture(scope="module")
def alpaca():
    return byte_level(ALPACA_TEMPLATE)


@pytest.fixture(scope="module")
def chatml():
    return byte_level(CHATML)


@pytest.fixture(scope="module")
def spaced():
    """As SentencePiece does for Llama 2: a space is put before every text that is encoded."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=["</s>", "<unk>"], show_progress=False
    )
    texts = ["Here is a task. Write a response that carries it out. cold", "Say\n\n#:[INST] /hot"]
    backend.train_from_iterator(texts * 3, trainer)
    return wrapped(backend, eos_token="</s>", unk_token="<unk>", chat_template=INST)


def trained(row, tokenizer):
    return tokenizer.decode([label for label in row.labels if label != IGNORED])


def test_the_answer_and_its_stop_token_are_trained_and_nothing_else(alpaca):
    row = masked_row([PROMPT, Message("assistant", "cold")], alpaca, max_length=None)
    assert trained(row, alpaca) == "cold</s>"
    assert row.ids[-1] == alpaca.eos_token_id
    read = [token for token, label in zip(row.ids, row.labels, strict=True) if label == IGNORED]
    assert alpaca.decode(read).endswith("### Input:\nhot\n\n### Response:\n")


def test_the_prompt_is_tokenised_as_it_is_at_inference(alpaca):
    row = masked_row([PROMPT, Message("assistant", "cold")], alpaca, max_length=None)
    asked = alpaca.apply_chat_template(
        [PROMPT.to_json()], add_generation_prompt=True, return_dict=False
    )
    assert row.ids[: len(asked)] == asked
    assert row.labels[: len(asked)] == [IGNORED] * len(asked)


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip),
)
def test_every_text_is_proved_or_refused(alpaca, prompt, answer):
    row = masked_row([Message("user", prompt), Message("assistant", answer)], alpaca, max_length=64)
    if isinstance(row, Refused):
        assert row.reason.startswith("longer than the context")
    else:
        assert trained(row, alpaca) == answer + "</s>"
        assert len(row.ids) == len(row.labels) <= 64


def test_every_answer_of_a_conversation_is_trained(chatml):
    talk = [
        Message("system", "Be brief."),
        PROMPT,
        Message("assistant", "cold"),
        Message("user", "And of dry?"),
        Message("assistant", "wet"),
        Message("user", "Thanks."),
    ]
    row = masked_row(talk, chatml, max_length=None)
    assert trained(row, chatml) == "cold<|im_end|>wet<|im_end|>"
    assert [turn.answer for turn in turns(talk, chatml)] == ["cold", "wet"]
    assert "Thanks" not in chatml.decode(row.ids)


def test_a_template_that_spaces_its_answers_trains_the_spaces_too(spaced):
    row = masked_row(
        [Message("user", "Say"), Message("assistant", "cold")], spaced, max_length=None
    )
    assert trained(row, spaced) == "cold </s>"
    whole = spaced.decode(row.ids)
    assert whole == "[INST] Say [/INST] cold </s>"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([PROMPT], "no answer"),
        ([PROMPT, Message("assistant", " \n")], "no answer"),
        ([Message("assistant", "cold")], "no prompt"),
        ([PROMPT, Message("assistant", "cold</s> hot")], "holds a special token"),
        ([PROMPT, Message("assistant", "\ud800")], "cannot be encoded"),
        ([PROMPT, Message("assistant", "cold " * 200)], "longer than the context: "),
    ],
)
def test_a_row_that_cannot_be_trained_is_refused_with_the_reason(alpaca, messages, reason):
    row = masked_row(messages, alpaca, max_length=256)
    assert isinstance(row, Refused)
    assert reason in row.reason


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ messages[-1].content }}</s>", "differently with an answer"),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "does not close the answer"),
        ("{{ raise_exception('no roles here') }}", "refuses it: no roles here"),
    ],
)
def test_a_template_that_hides_the_answers_border_is_refused(template, reason):
    tokenizer = byte_level(template)
    row = masked_row([PROMPT, Message("assistant", "cold")], tokenizer, max_length=None)
    assert isinstance(row, Refused)
    assert reason in row.reason


@pytest.mark.skipif(not GPT2.exists(), reason="the GPT-2 vocabulary is not in ../shared/data")
def test_gpt2_stops_although_its_pad_token_is_its_end_token():
    from transformers import GPT2Tokenizer

    tokenizer = GPT2Tokenizer(str(GPT2 / "encoder.json"), str(GPT2 / "vocab.bpe"))
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.chat_template = ALPACA_TEMPLATE
    row = masked_row([PROMPT, Message("assistant", "cold  \n")], tokenizer, max_length=1024)
    assert trained(row, tokenizer) == "cold  \n<|endoftext|>"


def test_a_prompt_that_has_other_tokens_alone_than_before_its_answer_is_refused():
    """Alone its last token is "###"; before the answer, in one piece with it, it is not."""
    from didact.text.masks import Row, _as_asked, turns

    tokenizer = byte_level(ALPACA_TEMPLATE)
    talk = [PROMPT, Message("assistant", "cold")]
    cut = turns(talk, tokenizer)
    row = masked_row(talk, tokenizer, max_length=None)
    assert _as_asked(row, cut, tokenizer, joined=False)
    # The same text, its first two letters one token less or more.
    border = next(place for place, label in enumerate(row.labels) if label != IGNORED)
    cold = tokenizer("co", add_special_tokens=False)["input_ids"]
    moved = Row(
        row.ids[: border - 1] + cold + row.ids[border:],
        row.labels[: border - 1] + [IGNORED] * len(cold) + row.labels[border:],
    )
    assert not _as_asked(moved, cut, tokenizer, joined=False)
