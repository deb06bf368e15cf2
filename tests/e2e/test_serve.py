"""``didact serve`` on the model of a run: a real server over a socket, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from didact import pipeline, serving
from didact.errors import ConfigError, DidactError
from didact.models.openai import OpenAI
from didact.models.transformers import Transformers
from didact.records import Message, Reply, Request, Sampling
from didact.runfile import load

FILE = """
name: served
generate: [{use: microworld, count: 8}]
train: {use: sft, base: embedded, batch: 8, epochs: 1}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    (folder / "file.yaml").write_text(FILE)
    pipeline.run(load(folder / "file.yaml", run=folder / "run"), folder / "run")
    return folder / "run"


def ask(model: OpenAI | Transformers) -> Reply:
    request = Request(
        messages=(Message("user", "Write these words from a to z."),),
        sampling=Sampling(max_tokens=6),
    )

    async def within() -> Reply:
        try:
            return await model.ask(request)
        finally:
            await model.close()

    return asyncio.run(within())


@pytest.mark.train
@pytest.mark.engine
@pytest.mark.slow
def test_the_embedded_model_after_training_answers_over_a_socket_as_it_does_in_process(
    run: Path,
) -> None:
    pytest.importorskip("fastapi", reason="needs pip install transformers[serving]")
    program = "from didact.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", str(run), "--port", "0"]
    server = subprocess.Popen(
        [*command, "--with", "transformers"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
    )
    assert server.stdout is not None
    assert server.stderr is not None
    try:
        url = server.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), server.stderr.read()
        told = [server.stderr.readline() for _ in range(3)]
        model = str(run / "train" / "model")
        assert told[2].strip() == f"mine: {{use: openai, url: {url}, model: {model}}}"
        served = ask(OpenAI(url=url, model=model, timeout=300.0))
        assert served.text == ask(Transformers(path=model)).text
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert server.returncode == 130


def test_what_is_served_is_what_was_trained_its_base_or_an_exported_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.yaml").write_text(FILE)
    with pytest.raises(ConfigError, match=r"has trained no model yet; didact train .*run\.yaml"):
        serving.model_of(tmp_path)
    base = serving.model_of(tmp_path, "base")
    assert isinstance(base, Path)
    assert base.name == "embedded"
    with pytest.raises(ConfigError, match="no model 'judge' to serve"):
        serving.model_of(tmp_path, "judge")
    shutil.copytree(base, tmp_path / "model")
    assert serving.model_of(tmp_path / "model") == tmp_path / "model"


def test_vllm_is_taken_where_it_and_a_gpu_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_has_gpu", lambda: True)
    monkeypatch.setattr(serving, "find_spec", lambda name: object())
    monkeypatch.setattr(serving.shutil, "which", lambda name: "/bin/vllm")
    found = serving.command("auto", "owner/name", host="127.0.0.1", port=8000)
    assert found == ["/bin/vllm", "serve", "owner/name", "--host", "127.0.0.1", "--port", "8000"]
    monkeypatch.setattr(serving.shutil, "which", lambda name: None)
    found = serving.command("auto", "owner/name", host="127.0.0.1", port=8000)
    assert found[0] == sys.executable
    with pytest.raises(ConfigError, match="no vllm on PATH"):
        serving.command("vllm", "owner/name", host="127.0.0.1", port=8000)
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'transformers\[serving\]'"):
        serving.command("transformers", "owner/name", host="127.0.0.1", port=8000)


def test_a_server_that_dies_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = [sys.executable, "-c", "raise SystemExit('no memory for this')"]
    monkeypatch.setattr(serving, "command", lambda *_, **__: program)
    with (
        pytest.raises(DidactError, match="ended with code 1: no memory for this"),
        serving.serving("auto", tmp_path, log=tmp_path / "log.txt"),
    ):
        pytest.fail("nothing answers")


def test_only_loopback_is_local() -> None:
    assert serving.is_local("127.0.0.1")
    assert not serving.is_local("0.0.0.0")
