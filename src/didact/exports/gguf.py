"""GGUF, the one file that llama.cpp, Ollama and LM Studio read, by llama.cpp's own converter.

The converter is the user's: ``convert_hf_to_gguf.py`` on PATH, given with ``--converter``, or in
the folder or file that ``DIDACT_GGUF_CONVERTER`` names. What it wrote is read back by transformers
with the tokenizer in the file, and compared with the model of the run; chat template and stop token
are looked up in the file itself, for a GGUF file without them garbles what a good model says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from didact.errors import ConfigError, DidactError
from didact.exports import loading, merged
from didact.exports.export import Made, Options
from didact.exports.parity import EXACT, ROUNDED, Bar, Loaded, Parity, compare, record
from didact.exports.trained import Trained

__all__ = ["CONVERTER", "convert", "converter_of", "make"]

CONVERTER = "DIDACT_GGUF_CONVERTER"
_SCRIPT = "convert_hf_to_gguf.py"
_BARS: Mapping[str, Bar] = {
    "f32": EXACT,
    "f16": ROUNDED,
    "bf16": ROUNDED,
    "auto": ROUNDED,
    "q8_0": Bar(0.95, float("inf")),
}
_QUANTISED = Bar(0.9, float("inf"))
_ADVICE = (
    "get llama.cpp (git clone https://github.com/ggml-org/llama.cpp), then give"
    f" --converter llama.cpp/{_SCRIPT}, or set {CONVERTER} to it"
)


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder with the GGUF file."""
    parity = convert(trained, out, options, converter=converter_of(options))
    file = f"{trained.name}.gguf"
    return Made(
        parity=parity,
        notes=[f"weights as {options.outtype}; llama-quantize of llama.cpp makes them smaller"],
        next=f"llama-cli -m {file} -cnv    or    didact export RUN --to ollama",
    )


def converter_of(options: Options) -> list[str]:
    """The command of the converter; a ConfigError that says what to do where there is none."""
    given = options.converter or os.environ.get(CONVERTER) or shutil.which(_SCRIPT)
    if not given:
        raise ConfigError(f"gguf: llama.cpp's converter is not on PATH; {_ADVICE}")
    path = Path(given).expanduser()
    if path.is_dir():
        path = path / _SCRIPT
    if not path.is_file():
        raise ConfigError(f"gguf: no converter at {path}; {_ADVICE}")
    if find_spec("gguf") is None:
        raise ConfigError("gguf: the check reads the file back, and needs: pip install gguf")
    # As a script it needs torch and transformers: those of this environment.
    return [sys.executable, str(path)] if path.suffix == ".py" else [str(path)]


def convert(trained: Trained, out: Path, options: Options, *, converter: list[str]) -> Parity:
    """Write ``NAME.gguf`` to ``out`` and compare it."""
    if trained.kind == "classifier":
        raise ConfigError("gguf: llama.cpp has no reward models; --to merged exports this one")
    whole = out / ".whole"
    merged.write(trained, whole)
    file = out / f"{trained.name}.gguf"
    command = [*converter, str(whole), "--outfile", str(file), "--outtype", options.outtype]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ConfigError(f"gguf: {converter[0]} cannot be run: {error}") from error
    if ended.returncode or not file.is_file():
        raise DidactError(_failed(ended))
    try:
        return _parity(trained, out, file.name, options)
    finally:
        shutil.rmtree(whole, ignore_errors=True)


def _failed(ended: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
    told = lines[-1].strip() if lines else f"it ended with code {ended.returncode}"
    if "pre-tokenizer was not recognized" in told:
        told += (
            ". llama.cpp knows tokenizers by name and this one is none of them: only a model whose"
            " base brings a tokenizer that llama.cpp knows can become GGUF"
        )
    return f"gguf: the converter failed: {told}"


def _parity(trained: Trained, out: Path, name: str, options: Options) -> Parity:
    recorded = record(loading.plain(trained.model), trained.conversations())
    stated = _metadata(out / name)
    if stated.template is None:
        raise DidactError(f"gguf: {name} holds no chat template; is the converter an old one?")
    model, tokenizer = loading.gguf(out, name)
    tokenizer.chat_template = stated.template
    after = Loaded(model, tokenizer, stated.ends)
    bar = options.bar(_BARS.get(options.outtype, _QUANTISED))
    # The file has room for one or two end tokens: the one that was trained must be among them.
    stops = trained.stops(loading.tokenizer_of(trained.model))
    recorded = recorded._replace(ends=stops)
    return compare(recorded, after, bar=bar)


class _Stated(NamedTuple):
    template: str | None
    ends: frozenset[int]


def _metadata(file: Path) -> _Stated:
    """Template and end tokens as the file states them."""
    reader: Any = import_module("gguf").GGUFReader(str(file))

    def value(key: str) -> Any:  # noqa: ANN401
        found = reader.get_field(key)
        return None if found is None else found.contents()

    keys = ("eos_token_id", "eot_token_id", "eom_token_id")
    ends = (value(f"tokenizer.ggml.{key}") for key in keys)
    return _Stated(
        value("tokenizer.chat_template"), frozenset(int(e) for e in ends if e is not None)
    )
