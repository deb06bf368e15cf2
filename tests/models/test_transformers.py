"""The local model: batches change nothing, settings do what they say, bad paths are explained."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from didact.errors import ConfigError, ModelError
from didact.inference import decoding
from didact.models.embedded import Embedded
from didact.models.transformers import Transformers
from didact.records import Message, Reply, Request, Sampling
from didact.text.chat import ALPACA_TEMPLATE, render
from tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(tiny: Path) -> Iterator[Transformers]:
    model = Transformers(path=str(tiny), device="cpu")
    yield model
    asyncio.run(model.close())


def together(model: Transformers, requests: list[Request]) -> list[Reply]:
    async def within() -> list[Reply]:
        return await asyncio.gather(*[model.ask(request) for request in requests])

    return asyncio.run(within())


def alone(model: Transformers, request: Request) -> Reply:
    return together(model, [request])[0]


def varied(count: int, *, head: str = "") -> list[Request]:
    """Requests of many lengths and settings, some of them greedy."""
    settings: list[dict[str, Any]] = [
        {},
        {"temperature": 1.0},
        {"temperature": 0.7, "top_p": 0.5},
        {"temperature": 1.5, "top_p": 0.95, "frequency_penalty": 0.5},
        {"presence_penalty": 2.0},
    ]
    return [
        Request(
            prompt=head + "ba do ki " * (1 + n % 7) + str(n),
            sampling=Sampling(max_tokens=5 + 3 * (n % 9), **settings[n % len(settings)]),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("head", ["", "lu me no ri " * 20], ids=["apart", "shared beginning"])
def test_a_request_has_the_same_reply_alone_and_in_a_batch(model: Transformers, head: str) -> None:
    requests = varied(40, head=head)
    in_batch = together(model, requests)
    assert [alone(model, request) for request in requests] == in_batch
    assert len({reply.text for reply in in_batch}) > 20


@pytest.mark.parametrize("head", ["", "lu me no ri " * 20], ids=["apart", "shared beginning"])
def test_prompts_read_in_pieces_have_the_same_replies(
    model: Transformers, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    requests = varied(20, head=head)
    whole = together(model, requests)
    for most in (1, 100):  # a column at a time; a few
        monkeypatch.setattr(decoding, "_AT_ONCE_CPU", most)
        assert together(model, requests) == whole


def test_greedy_replies_are_those_of_transformers_generate(model: Transformers, tiny: Path) -> None:
    import torch
    import transformers

    peer = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    prompts = ["ba do ki", "lu me " * 20, "tu"]
    replies = together(
        model, [Request(prompt=prompt, sampling=Sampling(max_tokens=20)) for prompt in prompts]
    )
    for prompt, reply in zip(prompts, replies, strict=True):
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.inference_mode():
            output = peer.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False
            )
        wanted = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
        assert reply.text == wanted


def test_sampling_follows_the_request_and_nothing_else(model: Transformers, tiny: Path) -> None:
    import torch

    def draw(**changes: Any) -> str:
        sampling = Sampling(max_tokens=20, temperature=1.0)
        return alone(model, Request(prompt="ba do", **{"sampling": sampling, **changes})).text

    torch.manual_seed(1)
    first = draw()
    torch.manual_seed(2)
    assert draw() == first
    assert len({first, draw(draw=1), draw(draw=2), draw(seed=1)}) == 4
    again = Transformers(path=str(tiny), device="cpu", batch=1)
    assert (
        alone(
            again, Request(prompt="ba do", sampling=Sampling(max_tokens=20, temperature=1.0))
        ).text
        == first
    )


def test_a_narrow_nucleus_is_greedy_and_a_penalty_ends_repetition(model: Transformers) -> None:
    def text(**settings: Any) -> str:
        return alone(model, Request(prompt="ki", sampling=Sampling(max_tokens=40, **settings))).text

    assert text(temperature=1.0, top_p=1e-6) == text()
    assert text(temperature=1e-4) == text()
    assert text(frequency_penalty=2.0) != text()


def test_the_text_ends_before_the_stop_string_even_within_or_across_tokens(
    model: Transformers,
) -> None:
    full = alone(model, Request(prompt="ba do", sampling=Sampling(max_tokens=40)))
    assert full.finish == "length"
    assert full.usage.completion == 40
    stops = [
        full.text[start : start + length]
        for start in range(2, len(full.text) - 6, 3)
        for length in (1, 3, 6)
    ]
    replies = together(
        model,
        [
            Request(prompt="ba do", sampling=Sampling(max_tokens=40, stop=("\0", stop)))
            for stop in stops
        ],
    )
    for stop, reply in zip(stops, replies, strict=True):
        assert reply.text == full.text[: full.text.index(stop)]
        assert reply.finish == "stop"
        assert reply.usage.completion <= 40


def test_max_tokens_is_kept_for_each_request(model: Transformers) -> None:
    requests = [Request(prompt="ba", sampling=Sampling(max_tokens=n)) for n in (1, 7, 30)]
    assert [reply.usage.completion for reply in together(model, requests)] == [1, 7, 30]


def test_the_end_token_stops_a_reply_and_is_not_in_its_text(tmp_path: Path) -> None:
    directory = write_tiny_model(tmp_path / "ends", seed=1)
    model = Transformers(path=str(directory), device="cpu")
    request = Request(prompt="ba", sampling=Sampling(max_tokens=30))
    full = alone(model, request)
    # Let the token that would come fourth be an end token too.
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    peer = transformers.AutoModelForCausalLM.from_pretrained(directory)
    asked = tokenizer("ba", return_tensors="pt").input_ids
    with torch.inference_mode():
        mask = torch.ones_like(asked)
        made = peer.generate(asked, attention_mask=mask, max_new_tokens=9, do_sample=False)
    ids = made[0, asked.shape[1] :].tolist()
    settings = json.loads((directory / "generation_config.json").read_text())
    settings["eos_token_id"] = [ids[3], tokenizer.eos_token_id]
    (directory / "generation_config.json").write_text(json.dumps(settings))
    ending = Transformers(path=str(directory), device="cpu")
    reply = alone(ending, request)
    before = ids.index(ids[3])
    assert ending.identity != model.identity
    assert full.finish == "length"
    assert reply.finish == "stop"
    assert reply.usage.completion == before + 1
    assert reply.text == tokenizer.decode(ids[:before])


def test_a_prompt_that_does_not_fit_says_so_and_a_reply_ends_at_the_limit(tmp_path: Path) -> None:
    directory = write_tiny_model(tmp_path / "short", positions=64)
    model = Transformers(path=str(directory), device="cpu")
    with pytest.raises(ModelError, match=r"prompt of \d+ tokens.* 64") as caught:
        alone(model, Request(prompt="ba " * 200))
    assert not caught.value.retryable
    reply = alone(model, Request(prompt="ba do", sampling=Sampling(max_tokens=500)))
    assert reply.finish == "length"
    assert reply.usage.prompt + reply.usage.completion == 64


def test_one_bad_request_does_not_hurt_its_neighbours(tmp_path: Path) -> None:
    model = Transformers(path=str(write_tiny_model(tmp_path / "m", positions=64)), device="cpu")

    async def within() -> list[Any]:
        requests = [Request(prompt="ba " * n, sampling=Sampling(max_tokens=3)) for n in (1, 300, 2)]
        asked = [model.ask(request) for request in requests]
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = asyncio.run(within())
    assert isinstance(first, Reply)
    assert isinstance(second, ModelError)
    assert isinstance(third, Reply)


def test_messages_use_the_models_own_template_else_the_alpaca_markers(
    tmp_path: Path, model: Transformers, tiny: Path
) -> None:
    messages = (Message("user", "ba do\n\nInput:\nki"),)
    sampling = Sampling(max_tokens=8)
    asked = Request(messages=messages, sampling=sampling)
    text = render(messages, add_generation_prompt=True, eos="<|end|>")
    plain = alone(model, Request(prompt=text, sampling=sampling))
    assert alone(model, asked).text == plain.text

    saved = write_tiny_model(tmp_path / "saved", chat_template=ALPACA_TEMPLATE)
    assert alone(Transformers(path=str(saved), device="cpu"), asked) == Reply(
        text=plain.text, finish=plain.finish, usage=plain.usage, model="saved"
    )

    own = write_tiny_model(tmp_path / "own", chat_template="{{ messages[0]['content'] }}!")
    own_model = Transformers(path=str(own), device="cpu")
    said = alone(own_model, Request(prompt=messages[0].content + "!", sampling=sampling))
    assert alone(own_model, asked).text == said.text
    forced = Transformers(path=str(own), device="cpu", template="alpaca")
    assert alone(forced, asked).text == plain.text
    assert forced.identity != own_model.identity


def test_a_template_that_refuses_the_messages_is_a_model_error(tmp_path: Path) -> None:
    template = "{{ raise_exception('no system turn, please') }}"
    path = write_tiny_model(tmp_path / "m", chat_template=template)
    with pytest.raises(ModelError, match="no system turn"):
        alone(Transformers(path=str(path)), Request(messages=(Message("system", "x"),)))


def test_scores_are_the_models_log_probabilities(
    model: Transformers, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import transformers

    async def within() -> list[tuple[float, ...]]:
        return await asyncio.gather(
            model.score("ba do", " ki lu"), model.score("tu " * 9, "me"), model.score("ba", "")
        )

    found = asyncio.run(within())
    assert found[2] == ()
    peer = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    for (prompt, completion), scores in zip(
        [("ba do", " ki lu"), ("tu " * 9, "me")], found[:2], strict=True
    ):
        before, after = tokenizer(prompt).input_ids, tokenizer(completion).input_ids
        with torch.inference_mode():
            logits = peer(torch.tensor([before + after])).logits[0].log_softmax(-1)
        wanted = [logits[len(before) - 1 + n, token].item() for n, token in enumerate(after)]
        assert scores == pytest.approx(wanted, abs=1e-4)
    for limit in ("_AT_ONCE_CPU", "_LOGITS"):  # scored one by one
        monkeypatch.setattr(decoding, limit, 1)
        for scores, alone in zip(asyncio.run(within()), found, strict=True):
            assert scores == pytest.approx(alone, abs=1e-4)


def test_the_base_of_the_rotations_is_read_under_its_old_name_and_its_new_one(
    tiny: Path, tmp_path: Path
) -> None:
    request = Request(prompt="ba do ki lu me " * 9, sampling=Sampling(max_tokens=30))
    texts: dict[str, str] = {}
    for name, stated in {
        "old": {"rope_theta": 20.0},
        "new": {"rope_parameters": {"rope_theta": 20.0, "rope_type": "default"}},
        "usual": {"rope_theta": 10000.0},
    }.items():
        copy = shutil.copytree(tiny, tmp_path / name)
        config = json.loads((copy / "config.json").read_text())
        del config["rope_parameters"]
        (copy / "config.json").write_text(json.dumps(config | stated))
        texts[name] = alone(Transformers(path=str(copy), device="cpu"), request).text
    assert texts["old"] == texts["new"] != texts["usual"]


def test_identity_is_the_content_and_not_the_place(tiny: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny, tmp_path / "elsewhere")
    (copy / "README.md").write_text("a card")
    one, other = Transformers(path=str(tiny)), Transformers(path=str(copy), batch=3, device="cpu")
    assert one.identity == other.identity
    assert one.identity != Transformers(path=str(tiny), dtype="bfloat16").identity
    changed = write_tiny_model(tmp_path / "changed", seed=5)
    assert one.identity != Transformers(path=str(changed)).identity


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "safetensors"),
        ("tokenizer.json", "tokenizer.json"),
    ],
)
def test_a_directory_that_is_no_model_says_what_is_missing(
    tiny: Path, tmp_path: Path, missing: str, said: str
) -> None:
    copy = shutil.copytree(tiny, tmp_path / "copy")
    (copy / missing).unlink()
    with pytest.raises(ConfigError, match=said):
        _ = Transformers(path=str(copy)).identity


def test_a_path_that_is_not_there_or_damaged_is_explained(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        _ = Transformers(path=str(tmp_path / "nowhere")).identity
    with pytest.raises(ConfigError, match="not a directory"):
        _ = Transformers(path=str(tiny / "config.json")).identity
    with pytest.raises(ConfigError, match="hub"):
        _ = Transformers(path="some-owner/some-model-not-here").identity
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        alone(Transformers(path=str(broken)), Request(prompt="ba"))
    torn = shutil.copytree(tiny, tmp_path / "torn")
    (torn / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json"):
        _ = Transformers(path=str(torn)).identity


def test_the_embedded_model_is_a_local_model_over_the_packaged_directory(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (Embedded.directory().parent / "records.py").is_file()
    monkeypatch.setattr(Embedded, "directory", staticmethod(lambda: tiny))
    embedded = Embedded()
    request = Request(prompt="ba do", sampling=Sampling(max_tokens=9))
    assert embedded.identity == Transformers(path=str(tiny)).identity
    reply = asyncio.run(embedded.ask(request))
    assert reply.text == alone(Transformers(path=str(tiny), device="cpu"), request).text
    assert reply.model == "embedded"
