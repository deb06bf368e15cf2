"""A server of the field's own on a run's model: ``transformers serve``, or vLLM.

didact starts it, waits until it answers, says where, and ends it. On loopback only, unless told
otherwise: neither server asks who is there. What is served is this one model, whatever a request
names.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from didact.errors import ConfigError, DidactError
from didact.resolve import base_path
from didact.runfile import load
from didact.store import Run

__all__ = ["Served", "Server", "command", "is_local", "model_of", "serving"]

Server: TypeAlias = Literal["auto", "transformers", "vllm"]

_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers."""

    url: str
    """What an OpenAI client calls the base url."""
    model: str
    """What it is asked for by name."""
    process: subprocess.Popen[bytes]

    def lines(self) -> list[str]:
        """How to use it."""
        return [
            "in a run file:",
            "  models:",
            f"    mine: {{use: openai, url: {self.url}, model: {self.model}}}",
        ]


def model_of(path: Path, role: str = "trained") -> Path | str:
    """The model of a run: what it trained, or its base; or a directory of a model itself."""
    if (path / "config.json").is_file() and not (path / "run.yaml").is_file():
        return path.resolve()
    run = Run.open(path)
    if role == "trained":
        model = run.trained()
        if model is None:
            raise ConfigError(
                f"{path}: this run has trained no model yet; didact train {path / 'run.yaml'}"
            )
        return model.resolve()
    if role != "base":
        raise ConfigError(f"{path}: no model {role!r} to serve (there are: trained, base)")
    config = load(path / "run.yaml")
    if config.train is None:
        raise ConfigError(f"{path}: this run trains nothing, so it has no base")
    base = base_path(config.train)
    return base.resolve() if base.is_dir() else str(base)


def command(server: Server, model: Path | str, *, host: str, port: int) -> list[str]:
    """What starts a server; a ConfigError that says what to install where there is none."""
    vllm = shutil.which("vllm")
    if server == "vllm" or (server == "auto" and vllm and _has_gpu()):
        if vllm is None:
            raise ConfigError(
                "serve: no vllm on PATH; uv tool install vllm, or --with transformers"
            )
        return [vllm, "serve", str(model), "--host", host, "--port", str(port)]
    if find_spec("transformers") is None or find_spec("fastapi") is None:
        raise ConfigError("serve: transformers serve needs: pip install 'transformers[serving]'")
    program = "from transformers.cli.transformers import main; main()"
    start = [sys.executable, "-c", program, "serve", str(model)]
    return [*start, "--host", host, "--port", str(port)]


@contextmanager
def serving(
    server: Server, model: Path | str, *, host: str = "127.0.0.1", port: int = 0,
    log: Path, patience: float = 600.0,
) -> Generator[Served, None, None]:  # fmt: skip
    """A server that answers, for as long as the block lasts; port 0 takes a free one.

    What it says goes to ``log``. DidactError where it ends, or says nothing for ``patience``
    seconds.
    """
    port = port or _free_port(host)
    start = command(server, model, host=host, port=port)
    with log.open("wb") as said:
        # A model that is here needs no hub, and a server that may look there waits for it.
        quiet = {"HF_HUB_OFFLINE": "1"} if isinstance(model, Path) else {}
        process = subprocess.Popen(
            start, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, **quiet}
        )
    try:
        reach = "127.0.0.1" if host == "0.0.0.0" else host
        address = f"http://[{reach}]:{port}" if ":" in reach else f"http://{reach}:{port}"
        _wait(process, f"{address}/health", log, patience)
        yield Served(url=f"{address}/v1", model=str(model), process=process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if process.poll() is not None:
            raise DidactError(
                f"serve: the server ended with code {process.returncode}: {_last(log)}"
            )
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers, whatever it answers
        except OSError:
            time.sleep(0.2)
    raise DidactError(f"serve: the server did not answer in {patience:.0f} s; see {log}")


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{lines[-1].strip()[:300]} (see {log})" if lines else f"see {log}"


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise ConfigError(f"serve: cannot listen on {host}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def _has_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def is_local(host: str) -> bool:
    """Whether only this machine can reach a server there."""
    return host in _LOCAL
