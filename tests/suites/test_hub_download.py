"""Test items fetched from a stand-in of the hub on loopback: once, and then from the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from didact.errors import ConfigError
from didact.suites.hub import Hub

pytestmark = [
    pytest.mark.train,
    # huggingface_hub's own way of fetching files, in threads that cannot be spared a warning.
    pytest.mark.filterwarnings("default"),
]

COMMIT = "c" * 40
FILES = {
    "README.md": "not asked for",
    "main/test-00000.jsonl": json.dumps({"question": "1 + 1?", "answer": "#### 2"}) + "\n",
    "main/train-00000.jsonl": "not asked for",
}


class StandIn:
    """One data set, as the hub serves it."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                stand_in.answer(self)

            do_GET = do_HEAD = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        path = asked.path.partition("?")[0]
        name = path.partition(f"/datasets/openai/gsm8k/resolve/{COMMIT}/")[2]
        if path == "/api/datasets/openai/gsm8k/revision/main":
            siblings = [{"rfilename": file} for file in FILES]
            body = json.dumps({"id": "openai/gsm8k", "sha": COMMIT, "siblings": siblings})
        elif path == f"/api/datasets/openai/gsm8k/tree/{COMMIT}":
            tree = [{"type": "file", "path": n, "oid": n, "size": len(t)} for n, t in FILES.items()]
            body = json.dumps(tree)
        elif name in FILES:
            body = FILES[name]
            if asked.command == "GET":
                self.fetched.append(name)
        else:
            asked.send_response(404)
            asked.send_header("X-Error-Code", "RepoNotFound")
            asked.send_header("Content-Length", "0")
            asked.end_headers()
            return
        asked.send_response(200)
        asked.send_header("X-Repo-Commit", COMMIT)
        asked.send_header("ETag", f'"{len(body)}"')
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        if asked.command == "GET":
            asked.wfile.write(body.encode())


@pytest.fixture
def online(tmp_path, monkeypatch) -> Iterator[StandIn]:
    constants = pytest.importorskip("huggingface_hub.constants")
    found = StandIn()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", found.url)
    template = f"{found.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_only_the_test_files_are_fetched_and_only_once(online, monkeypatch):
    [item] = Hub(dataset="openai/gsm8k").read()
    assert (item.instruction, item.output) == ("1 + 1?", "#### 2")
    assert online.fetched == ["main/test-00000.jsonl"]
    assert [one.id for one in Hub(dataset="openai/gsm8k").read()] == [item.id]
    assert len(online.fetched) == 1
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert [one.id for one in Hub(dataset="openai/gsm8k").read()] == [item.id]


def test_a_data_set_that_the_hub_has_not_is_told(online):
    with pytest.raises(ConfigError, match=r"cais/mmlu \(main\)"):
        list(Hub(dataset="cais/mmlu").read())
