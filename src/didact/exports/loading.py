"""Loading a model as others will: transformers and PEFT, from the files of a folder alone."""

from __future__ import annotations

import json
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, cast

from didact.errors import DidactError
from didact.exports.parity import Loaded
from didact.exports.trained import Kind

__all__ = ["adapted", "ends", "gguf", "plain", "positions", "tokenizer_of"]


def plain(folder: Path, *, kind: Kind = "causal") -> Loaded:
    """A directory of safetensors."""
    return _loaded(_model(folder, kind, {}), folder)


def gguf(folder: Path, name: str) -> tuple[Any, Any]:
    """Model and tokenizer of a GGUF file, its weights unpacked."""
    # transformers shows a bar for every tensor it unpacks, whatever it is told.
    with redirect_stderr(StringIO()):
        model = _model(folder, "causal", {"gguf_file": name})
    return model, tokenizer_of(folder, gguf_file=name)


def adapted(base: Path, adapter: Path, *, kind: Kind = "causal", tokenizer: Path) -> Loaded:
    """An adapter on its base, not merged; the tokenizer is that of a third folder."""
    peft: Any = import_module("peft")
    model = peft.PeftModel.from_pretrained(_model(base, kind, {}), str(adapter))
    return _loaded(model.eval(), tokenizer)


def _model(folder: Path, kind: Kind, settings: dict[str, str]) -> Any:  # noqa: ANN401
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    cuda = torch.cuda.is_available()
    auto = {
        "causal": transformers.AutoModelForCausalLM,
        "classifier": transformers.AutoModelForSequenceClassification,
    }[kind]
    try:
        model = auto.from_pretrained(
            str(folder),
            # Where memory is dear the precision of the files must do.
            dtype="auto" if cuda else torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            **settings,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DidactError(f"{folder}: what was exported cannot be loaded: {reason}") from error
    return model.to("cuda" if cuda else "cpu").eval()


def tokenizer_of(folder: Path, **settings: str) -> Any:  # noqa: ANN401  (transformers' own)
    """The tokenizer of a folder."""
    transformers: Any = import_module("transformers")
    return transformers.AutoTokenizer.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False, **settings
    )


def positions(folder: Path) -> int | None:
    """Most tokens that a model can read; None where it does not say."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found = config.get("max_position_embeddings")
    return found if isinstance(found, int) and found > 0 else None


def ends(folder: Path) -> frozenset[int]:
    """The tokens that end an answer of the model in a folder, as its files state them."""
    stated: list[Any] = [tokenizer_of(folder).eos_token_id]
    file = folder / "generation_config.json"
    if file.is_file():
        value = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
        stated += cast("list[Any]", value) if isinstance(value, list) else [value]
    return frozenset(token for token in stated if token is not None)


def _loaded(model: Any, folder: Path) -> Loaded:  # noqa: ANN401
    return Loaded(model, tokenizer_of(folder), ends(folder))
