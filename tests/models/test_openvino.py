"""OpenVINO answers as torch does; where it is not installed or not able, it says so."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from didact.errors import ConfigError
from didact.inference import openvino
from didact.inference.weights import Precision
from didact.models.openvino import OpenVINO
from didact.models.transformers import Transformers
from didact.records import Reply, Request, Sampling
from tiny_model import write_tiny_model

installed = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pair(tiny: Path) -> Iterator[tuple[OpenVINO, Transformers]]:
    ours, theirs = OpenVINO(path=str(tiny)), Transformers(path=str(tiny), device="cpu")
    yield ours, theirs
    asyncio.run(ours.close())
    asyncio.run(theirs.close())


def together(model: Any, requests: list[Request]) -> list[Reply]:
    async def within() -> list[Reply]:
        return await asyncio.gather(*[model.ask(request) for request in requests])

    return asyncio.run(within())


def varied(count: int, *, head: str, temperature: float = 0.0) -> list[Request]:
    """Requests of many lengths; some leave the batch early."""
    return [
        Request(
            prompt=head + "ba do ki " * (1 + n % 7) + str(n),
            sampling=Sampling(max_tokens=5 + 6 * (n % 9), temperature=temperature),
        )
        for n in range(count)
    ]


@installed
@pytest.mark.parametrize("head", ["", "lu me no ri " * 20], ids=["apart", "shared beginning"])
def test_greedy_replies_are_those_of_torch(pair: tuple[OpenVINO, Transformers], head: str) -> None:
    ours, theirs = pair
    requests = varied(30, head=head)
    found = together(ours, requests)
    assert found == together(theirs, requests)
    assert len({reply.text for reply in found}) > 15


@installed
def test_a_sampled_reply_is_the_same_alone_and_in_a_batch(
    pair: tuple[OpenVINO, Transformers],
) -> None:
    requests = varied(20, head="", temperature=1.0)
    found = together(pair[0], requests)
    assert [together(pair[0], [request])[0] for request in requests] == found
    assert len({reply.text for reply in found}) > 15


@installed
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_logits_are_the_same_to_the_bit_in_any_company(dtype: Precision, tiny: Path) -> None:
    import torch

    loaded = openvino.load(tiny, device="cpu", dtype=dtype)
    draw = torch.Generator().manual_seed(0)
    width, more = 70, 5
    lengths = torch.tensor([[1], [31], [32], [33], [70], [64]])
    ids = torch.randint(300, (len(lengths), width + more), generator=draw)
    valid = torch.arange(width + more) >= width - lengths
    positions = (valid.cumsum(-1) - 1).clamp(min=0)

    def logits(rows: list[int]) -> torch.Tensor:
        first = width - int(lengths[rows].max())
        steps = loaded.start(columns=width)
        made: list[torch.Tensor] = []
        for end in range(width, width + more + 1):
            columns = slice(first if end == width else end - 1, end)
            part, places = ids[rows, columns], positions[rows, columns]
            made.append(steps(part, positions=places, mask=valid[rows, first:end])[:, -1])
        return torch.stack(made, 1)

    together = logits([0, 1, 2, 3, 4, 5])
    for rows in ([0], [1], [3], [4], [5, 2], [4, 4, 0]):
        assert torch.equal(logits(rows), together[rows])


@installed
def test_copies_and_rows_that_leave_go_on_as_rows_of_their_own(tiny: Path) -> None:
    import torch

    loaded = openvino.load(tiny, device="cpu", dtype="float32")
    draw = torch.Generator().manual_seed(0)
    head = torch.randint(300, (1, 40), generator=draw)
    own = torch.randint(300, (3, 60), generator=draw)
    positions = torch.arange(100)
    steps = loaded.start(columns=40)
    steps(head, positions=positions[None, :40], mask=None)
    steps.repeat(3)
    steps(own[:, :30], positions=positions[40:70].expand(3, -1), mask=None)
    steps.keep(torch.tensor([0, 2]))
    # The two grow into the blocks of the one that left.
    found = steps(own[[0, 2], 30:], positions=positions[70:].expand(2, -1), mask=None, last=30)
    for row, logits in zip((0, 2), found, strict=True):
        alone = loaded.start(columns=100)
        whole = torch.cat([head, own[row : row + 1]], 1)
        wanted = alone(whole, positions=positions[None], mask=None, last=30)
        assert torch.allclose(logits, wanted[0], atol=1e-4)


@installed
def test_scores_are_those_of_torch(pair: tuple[OpenVINO, Transformers]) -> None:
    texts = [("ba do", " ki lu"), ("tu " * 9, "me"), ("ba", "")]
    ours, theirs = ([asyncio.run(model.score(*text)) for text in texts] for model in pair)
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


@installed
def test_half_precision_is_another_identity_and_close(
    pair: tuple[OpenVINO, Transformers], tiny: Path
) -> None:
    half = OpenVINO(path=str(tiny), dtype="bfloat16")
    assert len({half.identity, *(model.identity for model in pair)}) == 3
    close = asyncio.run(half.score("ba do", " ki lu"))
    assert close == pytest.approx(asyncio.run(pair[0].score("ba do", " ki lu")), abs=0.3)


@installed
def test_a_model_that_computes_something_else_is_refused(tiny: Path, tmp_path: Path) -> None:
    import transformers

    other = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=384, n_embd=32, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
        )
    )
    transformers.AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path)
    other.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"LLaMA, Mistral.*use: transformers|Use: transformers"):
        together(OpenVINO(path=str(tmp_path)), [Request(prompt="ba")])


@installed
def test_a_model_whose_logits_differ_is_refused(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "gelu")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}))
    with pytest.raises(ConfigError, match="logits differ"):
        together(OpenVINO(path=str(path)), [Request(prompt="ba")])


@installed
def test_a_model_that_does_not_see_its_whole_text_is_refused(tiny: Path, tmp_path: Path) -> None:
    path = shutil.copytree(tiny, tmp_path / "model")
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}
    (path / "config.json").write_text(json.dumps({**config, "sliding_window": 16}))
    with pytest.raises(ConfigError, match=r"sees no more than 16\. Use: transformers"):
        together(OpenVINO(path=str(path)), [Request(prompt="ba")])


def test_without_openvino_it_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        if name == "openvino":
            raise ImportError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(openvino, "import_module", absent)
    with pytest.raises(ConfigError, match="pip install openvino"):
        together(OpenVINO(path=str(tiny)), [Request(prompt="ba")])


@installed
@pytest.mark.parametrize("family", ["Mistral", "Qwen2", "Qwen3"])
def test_models_built_like_llama_are_computed_alike(
    family: str, tiny: Path, tmp_path: Path
) -> None:
    import torch
    import transformers

    path = shutil.copytree(tiny, tmp_path / "model")
    (path / "model.safetensors").unlink()
    # Biases of Qwen 2 and norms of Qwen 3 begin as zeros and ones, which could stand anywhere.
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(transformers.AutoTokenizer.from_pretrained(str(tiny))),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
    )
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(str(path))
    ours, theirs = OpenVINO(path=str(path)), Transformers(path=str(path), device="cpu")
    requests = varied(6, head="lu me no")
    assert [r.text for r in together(ours, requests)] == [
        r.text for r in together(theirs, requests)
    ]
    asyncio.run(ours.close())
    asyncio.run(theirs.close())


@installed
def test_torch_has_its_threads_again_after_answering(pair: tuple[OpenVINO, Transformers]) -> None:
    ours, _ = pair
    used: list[int] = []

    async def within() -> list[int]:
        import torch

        loop = asyncio.get_running_loop()
        worker = ours._engine._worker
        await loop.run_in_executor(worker, torch.set_num_threads, 3)
        await ours.ask(varied(1, head="")[0])
        used.append(await loop.run_in_executor(worker, torch.get_num_threads))
        await loop.run_in_executor(worker, torch.set_num_threads, before)
        return used

    import torch

    before = torch.get_num_threads()
    assert asyncio.run(within()) == [3]
