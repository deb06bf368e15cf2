"""The weights that pre-training starts from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pre-training needs torch")
SCRIPTS = Path(__file__).parents[2] / "microworld"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pre-training scripts, importable as they are when they run."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield
    for name in ("pretrain", "start", "documents", "data"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("scripts")
def test_an_untrained_model_already_expects_a_line_to_come_again() -> None:
    from pretrain import Model, copying  # pyright: ignore
    from transformers import AutoTokenizer

    from didact.models.embedded import Embedded

    torch.manual_seed(0)
    first, second = copying(Model(), AutoTokenizer.from_pretrained(Embedded.directory()))
    assert first > 6
    assert second < first - 2


@pytest.mark.usefixtures("scripts")
def test_the_lean_model_is_the_llama_that_is_saved(tmp_path: Path) -> None:
    from pretrain import Model, save  # pyright: ignore
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = Model()
    save(model, tmp_path)
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16().float()
    saved = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = torch.randint(0, 2048, (2, 300))
    with torch.no_grad():
        logits = torch.nn.functional.linear(model(ids), model.embed_tokens.weight)
        assert torch.allclose(logits, saved(ids).logits, atol=1e-3)
