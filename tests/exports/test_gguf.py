"""GGUF and Ollama: the converter is the user's, and what it wrote is read back and compared."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from didact.errors import ConfigError, DidactError
from didact.exports import gguf
from didact.exports.export import Options
from didact.exports.targets import export

pytestmark = pytest.mark.train


@pytest.fixture(autouse=True)
def no_converter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv(gguf.CONVERTER, raising=False)


def script(folder: Path, text: str) -> Path:
    file = folder / "convert_hf_to_gguf.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_converter_the_message_says_what_to_get(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not on PATH; get llama\.cpp \(git clone .*--converter"):
        export(run, "gguf")
    with pytest.raises(ConfigError, match=r"no converter at .*nowhere"):
        export(run, "gguf", options=Options(converter=tmp_path / "nowhere"))
    assert not (run / "exports" / "gguf").exists()


def test_the_converter_is_found_by_option_setting_or_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "find_spec", lambda name: object())
    file = script(tmp_path, "")
    file.chmod(0o755)
    wanted = [sys.executable, str(file)]
    assert gguf.converter_of(Options(converter=file)) == wanted
    assert gguf.converter_of(Options(converter=tmp_path)) == wanted
    monkeypatch.setenv(gguf.CONVERTER, str(tmp_path))
    assert gguf.converter_of(Options()) == wanted
    monkeypatch.delenv(gguf.CONVERTER)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gguf.converter_of(Options()) == wanted
    monkeypatch.setattr(gguf, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install gguf"):
        gguf.converter_of(Options())


def test_a_converter_that_fails_is_told_in_its_own_words(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "find_spec", lambda name: object())
    told = "raise NotImplementedError('BPE pre-tokenizer was not recognized - update it')"
    options = Options(converter=script(tmp_path, told))
    with pytest.raises(DidactError, match=r"pre-tokenizer was not recognized.*knows tokenizers by"):
        export(run, "gguf", options=options)
    options = Options(converter=script(tmp_path, "pass"))
    with pytest.raises(DidactError, match="the converter failed: it ended with code 0"):
        export(run, "gguf", options=options)
    assert not (run / "exports" / "gguf").exists()


def test_ollama_gets_safetensors_where_there_is_no_converter_and_is_told_what_differs(
    run: Path,
) -> None:
    done = export(run, "ollama")
    assert done.made.parity is not None
    assert done.made.parity.passed
    text = (done.path / "Modelfile").read_text(encoding="utf-8")
    assert text.startswith('FROM ./model\nTEMPLATE """{{ if .System }}')
    assert 'PARAMETER stop "<|end|>"' in text
    assert (done.path / "model" / "model.safetensors").is_file()
    notes = "\n".join(done.made.notes)
    assert "weights are safetensors" in notes
    assert "8 of 8 prompts of the run come out otherwise by TEMPLATE" in notes
    assert '### Input:\\nhot" in place of "Say the opposite.\\n\\nInput:\\nhot"' in notes
    assert notes in (done.path / "README.md").read_text().replace("\n- ", "\n")
    assert done.made.next == "ollama create tiny -f Modelfile"


def test_a_converter_that_was_named_and_is_not_there_is_no_reason_to_do_without(run: Path) -> None:
    with pytest.raises(ConfigError, match="no converter at"):
        export(run, "ollama", options=Options(converter=Path("nowhere")))


REAL = os.environ.get("DIDACT_GGUF_CONVERTER")


@pytest.mark.skipif(not REAL, reason="set DIDACT_GGUF_CONVERTER to llama.cpp's converter")
def test_the_field_s_own_converter_does_not_know_this_tokenizer_and_says_so(run: Path) -> None:
    pytest.importorskip("gguf", reason="needs pip install gguf")
    with pytest.raises(DidactError, match="pre-tokenizer was not recognized"):
        export(run, "gguf", options=Options(converter=Path(str(REAL))))
