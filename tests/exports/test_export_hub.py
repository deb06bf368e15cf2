"""The hub export against an endpoint of our own on loopback: what is sent, and with which token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from didact.cli import app
from didact.errors import ConfigError, CredentialsError, DidactError
from didact.exports import merged
from didact.exports.export import Options
from didact.exports.targets import export

pytestmark = [
    pytest.mark.train,
    # huggingface_hub's own way of sending files, in threads that cannot be spared a warning.
    pytest.mark.filterwarnings("default"),
]


class Hub:
    """Takes everything, and keeps it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str, bytes]] = []
        self.status = 200
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                token = self.headers.get("Authorization") or ""
                hub.seen.append((self.command, self.path, token, body))
                text = json.dumps(hub.answer(self.path, body)).encode()
                self.send_response(hub.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_HEAD = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        if self.status != 200:
            return {"error": "no"}
        if path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            mode = {True: "lfs", False: "regular"}
            return {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": mode[file["path"].endswith(".safetensors")],
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
            }
        if path.endswith("/info/lfs/objects/batch"):
            put = {"upload": {"href": f"{self.url}/put"}}
            objects = json.loads(body)["objects"]
            return {"transfer": "basic", "objects": [{**o, "actions": put} for o in objects]}
        if "/commit/" in path:
            return {"commitUrl": f"{self.url}/me/mine/commit/{40 * '0'}", "commitOid": "0" * 40}
        return {"url": f"{self.url}/me/mine", "name": "me/mine", "warnings": [], "errors": []}


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def online(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub in the place of the public one; tests are told that there is none."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "secret-token")
    return hub


WORDS = ["--to", "hub", "--repo", "me/mine"]


def test_the_merged_model_with_card_and_check_is_pushed_privately(run: Path, online: Hub) -> None:
    done = CliRunner().invoke(app, ["export", str(run), *WORDS])
    assert done.exit_code == 0, done.exception
    assert f"pushed    {online.url}/me/mine" in done.stdout
    seen = online.seen
    assert {token for _, path, token, _ in seen if path != "/put"} == {"Bearer secret-token"}
    made = json.loads(next(body for _, path, _, body in seen if path == "/api/repos/create"))
    assert made.get("private") is True or made.get("visibility") == "private"
    commit = next(body for _, path, _, body in seen if "/commit/" in path).decode()
    lines = [json.loads(line) for line in commit.splitlines()]
    files = {line["value"]["path"] for line in lines if line["key"] in ("file", "lfsFile")}
    assert {"README.md", "config.json", "model.safetensors", "chat_template.jinja"} <= files
    sent = next(body for method, path, _, body in seen if (method, path) == ("PUT", "/put"))
    assert sent == (run / "train" / "model" / "model.safetensors").read_bytes()
    out = run / "exports" / "hub"
    kept = b"".join(file.read_bytes() for file in out.rglob("*") if file.is_file())
    assert b"secret-token" not in kept
    assert "secret-token" not in done.output


def test_a_token_that_may_not_write_is_told_and_the_export_is_kept(run: Path, online: Hub) -> None:
    online.status = 403
    with pytest.raises(CredentialsError, match=r"HF_TOKEN may not write to me/mine \(HTTP 403\)"):
        export(run, "hub", options=Options(repo="me/mine"))
    assert (run / "exports" / "hub" / "model.safetensors").is_file()


def test_an_export_that_fails_its_check_is_not_pushed(
    run: Path, online: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(trained: object, out: Path, whole: Any = merged.write) -> None:
        whole(trained, out)
        file = out / "chat_template.jinja"
        file.write_text(file.read_text().replace("### Response:", "### Answer:"))

    monkeypatch.setattr(merged, "write", write)
    with pytest.raises(DidactError, match="prompts become other tokens"):
        export(run, "hub", options=Options(repo="me/mine"))
    assert online.seen == []


def test_without_a_token_or_a_name_nothing_is_made(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="--repo OWNER/NAME"):
        export(run, "hub")
    with pytest.raises(CredentialsError, match="set HF_TOKEN"):
        export(run, "hub", options=Options(repo="me/mine"))
    assert not (run / "exports" / "hub").exists()
