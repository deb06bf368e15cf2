"""`pytest tests/golden --update-golden` writes the prompts anew; read the difference in review."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def golden(request):
    """Compare a text with its golden file, or write that."""

    def compare(name, text):
        path = FOLDER / f"{name}.txt"
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path.name} is missing; write it with --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare
