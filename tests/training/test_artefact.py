"""What an adapter calls its base."""

from pathlib import Path

from didact.models.embedded import Embedded
from didact.training.artefact import _known_as


def test_a_base_is_named_so_that_the_name_holds_elsewhere(tmp_path: Path) -> None:
    adapter = tmp_path / "run" / "train" / "adapter"
    assert _known_as(Embedded.directory(), adapter) == "embedded"
    cached = tmp_path / "hub" / "models--some--model--v2" / "snapshots" / "0a1b"
    assert _known_as(cached, adapter) == "some/model--v2"
    assert _known_as(tmp_path / "base", adapter) == "../../../base"
