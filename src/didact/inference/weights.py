"""A model directory: what must be in it, what its content hashes to, and loading it.

Only safetensors are read, and no code that comes with a model is run. The fingerprint covers the
bytes of configuration, tokenizer and weights and not the place, so the same weights have the same
call keys on any machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast

from didact.errors import ConfigError
from didact.inference.stepping import Steps, TorchSteps
from didact.inference.texts import Tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = [
    "Device", "Loaded", "Loaders", "Precision", "Start",
    "fingerprint", "limit_of", "load", "loaders", "locate",
]  # fmt: skip

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")

# Bookkeeping of other programs, which may stand in the same directory and decides no reply.
_UNRELATED = ("trainer_state.json", "stage.json", "all_results.json", "train_results.json")

_digests: dict[tuple[str, int, int], str] = {}


class Start(Protocol):
    """Begins a batch."""

    def __call__(self, *, columns: int) -> Steps:
        """Steps of a batch of at least so many columns."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model ready to be asked."""

    model: Any
    """A model of transformers; None where something else computes it."""
    tokenizer: Tokenizer
    device: str
    ends: frozenset[int]
    """Tokens that end a text."""
    limit: int | None
    """Most tokens of prompt and reply together; None where the model states no limit."""
    vocabulary: int
    """How many logits there are."""
    start: Start
    """Begins a batch of at least so many ``columns``."""
    threads: int | None = None
    """Most threads of torch while it answers; None: all it has."""


def locate(path: str) -> Path:
    """The directory of a model given by its path or its hub name."""
    directory = Path(path).expanduser()
    if directory.is_dir():
        _check(directory)
        return directory
    if path.count("/") != 1 or path.startswith((".", "~", "/")) or directory.exists():
        kind = "is a file, not a directory" if directory.exists() else "does not exist"
        raise ConfigError(f"model {path!r}: {kind}; give the directory that holds config.json")
    directory = _download(path)
    _check(directory)
    return directory


def _download(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise ConfigError(
            f"model {name!r} is no directory, and the hub needs: pip install didact[train]"
        ) from error
    try:  # what was downloaded before needs no network
        return Path(snapshot_download(name, allow_patterns=list(_PATTERNS), local_files_only=True))
    except (OSError, ValueError):
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=list(_PATTERNS)))
    except (OSError, ValueError, HfHubHTTPError, HFValidationError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"model {name!r} is no local directory and could not be had from the hub: {reason}"
        ) from error


def _check(directory: Path) -> None:
    """Says everything that is missing at once."""
    missing: list[str] = []
    if not (directory / "config.json").is_file():
        missing.append("config.json")
    if not any(directory.glob("*.safetensors")):
        missing.append("*.safetensors (weights)")
    if not any((directory / name).is_file() for name in _TOKENIZERS):
        missing.append("tokenizer.json")
    if not missing:
        try:
            json.loads((directory / "config.json").read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise ConfigError(f"model {directory}: config.json cannot be read: {error}") from error
        return
    advice = "give the directory that a trainer or save_pretrained wrote"
    if (directory / "adapter_config.json").is_file():
        advice = "it holds an adapter only: merge it into its base model first"
    elif any(directory.glob("*.bin")):
        advice = "weights are read from safetensors only: convert them with save_pretrained"
    raise ConfigError(f"model {directory}: no {', no '.join(missing)}; {advice}")


def fingerprint(directory: Path, settings: Sequence[str] = ()) -> str:
    """BLAKE2b of the model's files and of the settings that change its replies."""
    total = hashlib.blake2b(digest_size=16)
    names = {path for pattern in _PATTERNS for path in directory.glob(pattern)}
    for path in sorted(names, key=lambda path: path.name):
        if path.name not in _UNRELATED:
            total.update(f"{path.name}\0{_file_digest(path)}\n".encode())
    for setting in settings:
        total.update(f"{setting}\n".encode())
    return total.hexdigest()


def _file_digest(path: Path) -> str:
    status = path.stat()
    key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
    if key not in _digests:
        with path.open("rb") as file:
            _digests[key] = hashlib.file_digest(file, "blake2b").hexdigest()
    return _digests[key]


_IMPORTING = Lock()


class Loaders(NamedTuple):
    """With what a model is loaded, and where to."""

    tokenizers: Any
    models: Any
    place: str
    dtype: Any


def loaders(models: str, *, what: str, device: Device, dtype: Precision) -> Loaders:
    """Of a class of models of transformers, which is made quiet; ConfigError where it is absent."""
    try:
        # Two models may be loaded at once, each on a thread of its own, and the package replaces
        # its module while it is imported: whoever comes second would see half of it.
        with _IMPORTING:
            import torch
            import transformers

            tokenizers, kind = transformers.AutoTokenizer, getattr(transformers, models)
    except ImportError as error:
        raise ConfigError(f"{what} needs torch: pip install didact[train]") from error
    place = device
    if place == "auto":
        place = "cuda" if torch.cuda.is_available() else "cpu"
    precision = dtype
    if precision == "auto":
        precision = "float32" if place == "cpu" else "bfloat16"
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return Loaders(tokenizers, kind, place, getattr(torch, precision))


def load(directory: Path, *, device: Device, dtype: Precision) -> Loaded:
    """Loads tokenizer and weights, quietly."""
    tokenizers, models, place, kind = loaders(
        "AutoModelForCausalLM", what="a local model", device=device, dtype=dtype
    )
    from safetensors import SafetensorError

    try:
        tokenizer = tokenizers.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=False
        )
        model = models.from_pretrained(
            str(directory),
            dtype=kind,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
        model = model.to(place).eval()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(f"model {directory} cannot be loaded on {place}: {reason}") from error
    words = cast("Tokenizer", tokenizer)
    return Loaded(
        model=model,
        tokenizer=words,
        device=place,
        ends=_ends(model, words),
        limit=limit_of(model),
        vocabulary=model.config.get_text_config().vocab_size,
        start=partial(TorchSteps, model),
    )


def _ends(model: PreTrainedModel, tokenizer: Tokenizer) -> frozenset[int]:
    """End tokens of the tokenizer and of the generation settings saved with the model."""
    stated: list[Any] = [tokenizer.eos_token_id]
    for settings in (model.generation_config, model.config):
        value = getattr(settings, "eos_token_id", None)
        stated += cast("list[Any]", value) if isinstance(value, list) else [value]
    return frozenset(token for token in stated if token is not None)


def limit_of(model: PreTrainedModel) -> int | None:
    """Most tokens that a model takes; None where it states no limit."""
    config = cast("Any", model.config).get_text_config()
    limit = getattr(config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None
