"""The model that scores texts: the same numbers as one forward pass for each text by itself."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from didact.errors import ConfigError, ModelError
from didact.inference.scoring import Asked, plain_head, score_all
from didact.inference.weights import load
from didact.models.scorer import Scorer
from didact.records import Message, Reply, Request, Sampling
from didact.text.forced import choice, completion, embedding, read_logprobs
from tiny_model import SYLLABLES, write_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("scorer"), positions=128)


@pytest.fixture(scope="module")
def loaded(tiny):
    return load(tiny, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def gemma(tmp_path_factory, tiny):
    """Half of its layers see a window only, and its logits are capped."""
    import torch
    import transformers

    path = tmp_path_factory.mktemp("gemma")
    config = transformers.Gemma2Config(
        vocab_size=384, hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=16,
        num_attention_heads=2, num_key_value_heads=1, sliding_window=8, final_logit_softcapping=1.0,
        max_position_embeddings=128, bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Gemma2ForCausalLM(config)
    model.lm_head.weight.data.mul_(30)
    model.save_pretrained(path)
    transformers.AutoTokenizer.from_pretrained(tiny).save_pretrained(path)
    return load(path, device="cpu", dtype="float32")


def words(draw, count):
    return " ".join("".join(draw.choices(SYLLABLES, k=2)) for _ in range(count))


def alone(loaded, ids, target):
    """What one forward pass over one text says, as any tutorial has it."""
    import torch

    whole = torch.tensor([[*ids, *target]])
    with torch.inference_mode():
        logprobs = loaded.model(input_ids=whole).logits[0].float().log_softmax(-1)
    first = max(len(ids), 1)
    return [float(logprobs[at - 1, whole[0, at]]) for at in range(first, whole.shape[1])]


def jobs(kind):
    draw = random.Random(3)

    def ids(count):
        return [draw.randrange(1, 380) for _ in range(count)]

    head = ids(20)
    if kind == "alike":
        starts = [head + ids(draw.randrange(1, 6)) for _ in range(30)]
    elif kind == "families":
        families = [head + ids(draw.randrange(5, 20)) for _ in range(4)]
        starts = [draw.choice(families) + ids(draw.randrange(3)) for _ in range(30)]
    else:
        starts = [ids(draw.randrange(1, 40)) for _ in range(30)]
    return [Asked(ids=start, target=ids(draw.randrange(1, 12))) for start in starts]


@pytest.mark.parametrize("kind", ["alike", "families", "strangers"])
def test_many_together_have_the_probabilities_of_each_alone(loaded, kind, monkeypatch):
    # Small batches, so that there are several of them.
    monkeypatch.setattr("didact.inference.scoring._AT_ONCE_CPU", 300)
    assert plain_head(loaded)
    asked = jobs(kind)
    for job, scored in zip(asked, score_all(loaded, asked, plain=True), strict=True):
        assert scored.logprobs == pytest.approx(alone(loaded, job.ids, job.target), abs=2e-4)


def test_a_model_that_caps_its_logits_and_forgets_is_scored_all_the_same(gemma):
    assert not plain_head(gemma)
    asked = jobs("alike")
    for job, scored in zip(asked, score_all(gemma, asked, plain=False), strict=True):
        assert scored.logprobs == pytest.approx(alone(gemma, job.ids, job.target), abs=2e-4)
    [vector] = score_all(gemma, [Asked(ids=[1, 2, 3], vector=True)], plain=False)
    assert len(vector.vector) == 32


def test_products_of_another_library_are_the_same_and_stay_in_their_thread():
    import torch

    from didact.inference.onednn import through_onednn

    layer = torch.nn.Linear(40, 30)
    states = torch.randn(7, 5, 40)
    taken = []

    class Watching(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            taken.append(func)
            return func(*args, **(kwargs or {}))

    with torch.inference_mode():
        wanted = layer(states)
        with Watching(), through_onednn("cpu"):
            found = layer(states)
            half = layer.bfloat16()(states.bfloat16())
        layer.float()(states)
    assert torch.allclose(found, wanted, atol=1e-5)
    # Bfloat16 has gone that way all along, and is left to torch.
    assert half.dtype == torch.bfloat16
    assert taken.count(torch.nn.functional.linear) == 1
    with through_onednn("cuda"):
        assert layer(states).requires_grad


def test_a_beginning_is_computed_once_for_all_batches_that_have_most_of_it(loaded, monkeypatch):
    monkeypatch.setattr("didact.inference.scoring._AT_ONCE_CPU", 60)
    computed = []
    forward = loaded.model.base_model.forward

    def counted(*args, **kwargs):
        computed.append((len(kwargs["input_ids"]), kwargs.get("past_key_values") is not None))
        return forward(*args, **kwargs)

    monkeypatch.setattr(loaded.model.base_model, "forward", counted)
    asked = jobs("alike")
    score_all(loaded, asked, plain=True)
    # By itself once; with its copies a batch has several rows.
    assert computed.count((1, True)) == 1
    assert len(computed) > 5


def test_few_logits_at_a_time_change_nothing(loaded, monkeypatch):
    asked = [*jobs("alike"), Asked(ids=[5, 6, 7], options=[1, 2, 3])]
    whole = score_all(loaded, asked, plain=True)
    monkeypatch.setattr("didact.inference.scoring._LOGITS", 384 * 7)
    for one, other in zip(whole, score_all(loaded, asked, plain=True), strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)


def ask(model, *requests):
    async def every():
        try:
            return await asyncio.gather(*[model.ask(request) for request in requests])
        finally:
            await model.close()

    return asyncio.run(every())


def test_a_text_is_scored_behind_its_prompt(tiny, loaded):
    draw = random.Random(0)
    texts = [(words(draw, 5), " " + words(draw, 4)) for _ in range(20)]
    replies = ask(Scorer(path=str(tiny), device="cpu"), *[completion(*text) for text in texts])
    for (prompt, text), reply in zip(texts, replies, strict=True):
        ids, target = (
            loaded.tokenizer.encode(part, add_special_tokens=False) for part in (prompt, text)
        )
        assert read_logprobs(reply, "scorer") == pytest.approx(alone(loaded, ids, target), abs=2e-4)
        assert (reply.usage.prompt, reply.usage.completion) == (len(ids), len(target))
        assert (reply.text, reply.finish) == ("", "stop")


def test_behind_nothing_the_first_token_has_no_probability(tiny, loaded):
    [reply, single, none] = ask(
        Scorer(path=str(tiny), device="cpu"),
        completion("", "ba do"), completion("", "a"), completion("ba", ""),
    )  # fmt: skip
    target = loaded.tokenizer.encode("ba do", add_special_tokens=False)
    assert reply.logprobs == pytest.approx(alone(loaded, [], target), abs=2e-4)
    assert len(reply.logprobs) == len(target) - 1
    assert single.logprobs == none.logprobs == ()


def test_what_does_not_fit_is_cut_and_said_so_and_a_prompt_that_fills_all_is_refused(tiny):
    model = Scorer(path=str(tiny), device="cpu", longest=12)
    [few, limited] = ask(model, completion("ba do ki", "lu me " * 30),
                         completion("ba", "lu me no ri sa", tokens=2))  # fmt: skip
    assert (few.finish, limited.finish) == ("length", "length")
    assert few.usage.prompt + few.usage.completion == 12
    assert len(limited.logprobs) == 2
    with pytest.raises(ModelError, match="leaves no room") as caught:
        ask(model, completion("ba do " * 30, "lu"))
    assert caught.value.fault == "too_long"


def test_options_have_the_probability_of_coming_next(tiny, loaded):
    import torch

    [reply] = ask(Scorer(path=str(tiny), device="cpu"), choice("ba do", ["1", "2", "3"]))
    ids = loaded.tokenizer.encode("ba do", add_special_tokens=False)
    options = [loaded.tokenizer.encode(text, add_special_tokens=False)[0] for text in "123"]
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
    assert reply.logprobs == pytest.approx([float(logits[token]) for token in options], abs=2e-4)
    with pytest.raises(ModelError, match="tokens for this model"):
        ask(Scorer(path=str(tiny), device="cpu"), choice("ba", ["!?"]))


def test_a_texts_vector_is_the_last_hidden_state(tiny, loaded):
    import torch

    [reply] = ask(Scorer(path=str(tiny), device="cpu"), embedding("ba do ki"))
    ids = loaded.tokenizer.encode("ba do ki", add_special_tokens=False)
    with torch.inference_mode():
        states = loaded.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    last = states.hidden_states[-1][0, -1].tolist()
    assert json.loads(reply.text) == pytest.approx(last, rel=1e-3, abs=1e-3)


def test_it_answers_like_any_local_model_what_asks_for_no_score(tiny):
    model = Scorer(path=str(tiny), device="cpu")
    chat = Request(messages=(Message("user", "ba"),), sampling=Sampling(max_tokens=3))
    [reply] = ask(model, chat)
    assert reply.usage.completion <= 3
    assert reply.logprobs is None


def test_what_changes_scores_changes_the_identity(tiny):
    names = {
        Scorer(path=str(tiny)).identity,
        Scorer(path=str(tiny), longest=9).identity,
        Scorer(path=str(tiny), dtype="bfloat16").identity,
    }
    assert len(names) == 3
    assert Scorer(path=str(tiny), device="cpu").identity in names


def test_a_model_that_writes_instead_is_told_from_a_scorer():
    for reply in (Reply(text="done"), Reply(text="so", logprobs=(-1.0,))):
        with pytest.raises(ConfigError, match="use: scorer"):
            read_logprobs(reply, "judge")
