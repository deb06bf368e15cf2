"""Data sets of the hub, from a cache that is laid out as the hub's: no network."""

import json

import pytest

import samples
from didact.errors import ConfigError
from didact.sources.hub import Hub

COMMIT = "c" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache in which data sets can be put."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))

    def put(dataset, files):
        folder = tmp_path / f"datasets--{dataset.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs/main").write_text(COMMIT)
        for name, text in files.items():
            file = folder / "snapshots" / COMMIT / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return put


def lines(rows):
    return "".join(map(samples.json_line, rows))


def test_a_known_id_is_read_by_its_source(cache):
    files = {"databricks-dolly-15k.jsonl": lines(samples.DOLLY), "README.md": "About."}
    cache("databricks/databricks-dolly-15k", files)
    found = list(Hub(dataset="databricks/databricks-dolly-15k").read())
    assert len(found) == samples.N
    assert found[0].meta["licence"] == "CC BY-SA 3.0"
    assert found[0].meta["dataset"] == "databricks/databricks-dolly-15k"


def test_an_unknown_one_by_its_first_row_or_as_told(cache):
    files = {
        "data/b.jsonl": lines([{"question": "Q", "reply": "R"}]),
        "data/a.json": json.dumps(samples.ALPACA),
        "dataset_infos.json": "{}",
    }
    cache("someone/mine", files)
    assert len(list(Hub(dataset="someone/mine", files=("data/a*",)).read())) == samples.N
    settings = {"instruction": "question", "output": "reply"}
    hub = Hub(dataset="someone/mine", files=("*/b.jsonl",), reader="jsonl", settings=settings)
    assert [one.output for one in hub.read()] == ["R"]
    with pytest.raises(ConfigError, match=r"b\.jsonl, line 1: the key 'instruction' is missing"):
        list(Hub(dataset="someone/mine").read())
    with pytest.raises(ConfigError, match="no data file fits"):
        list(Hub(dataset="someone/mine", files=("*.csv",)).read())
    with pytest.raises(ConfigError, match="instructon: unknown setting; did you mean instruction"):
        list(Hub(dataset="someone/mine", reader="jsonl", settings={"instructon": "q"}).read())


def test_what_is_not_here_and_cannot_be_fetched_is_said(cache):
    with pytest.raises(ConfigError, match=r"no/body \(main\) (is not in|cannot be fetched)"):
        list(Hub(dataset="no/body").read())
