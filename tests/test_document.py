from __future__ import annotations

from pathlib import Path

import pytest

from didact.document import Document, parse, parse_value
from didact.errors import ConfigError


def document(folder: Path, text: str) -> Document:
    file = folder / "run.yaml"
    file.write_text(text)
    return parse(file)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("3", 3), ("010", "010"), ("-2.5", -2.5), (".5", 0.5), ("on", "on"),
        ("yes", "yes"), ("true", True), ("null", None), ("", None), ("2026-01-02", "2026-01-02"),
        ("1:30", "1:30"), ("[a, 1]", ["a", 1]), ("'3'", "3"), ("1.5.3", "1.5.3"),
    ],
)  # fmt: skip
def test_plain_values_mean_what_they_look_like(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_every_key_and_entry_knows_its_line(tmp_path: Path) -> None:
    found = document(tmp_path, "a: 1\nb:\n  - {c: 2}\n  - use: x\n    d: 3\n")
    file = tmp_path / "run.yaml"
    assert found.place(("a",)) == f"{file}:1"
    assert found.place(("b", 1, "d")) == f"{file}:5"
    assert found.place(("b", 1, "missing")) == f"{file}:4"
    assert found.place(("missing",)) == f"{file}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "run.yaml:2: a stands twice, first in line 1"),
        ("a: [1\nb: 2\n", "run.yaml:2"),
        ("- 1\n", "run.yaml:1: a run file is a mapping"),
        ("a: !!python/name:os.system x\n", "run.yaml:1"),
        ("a: 1\n\tb: 2\n", "run.yaml:2: a tab; YAML is indented with spaces"),
        ("a: 1\nb: c: d\n", "run.yaml:2: mapping values are not allowed here; is it"),
        ("a: 1\n---\nb: 1\n", "run.yaml:2: another document begins"),
        ("a: 1\nb: \0\n", "run.yaml:2: a character that no text file has"),
        ("", "run.yaml: is empty"),
        ("# only a comment\n", "run.yaml: is empty"),
        ("a: &a [*a]\n", "do aliases (`*name`) repeat too much?"),
        (f"a: {'[' * 5000}{']' * 5000}\n", "nested deeper"),
        (
            "a0: &a0 [x, x]\n"
            + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 12)),
            "do aliases (`*name`) repeat too much?",
        ),
    ],
)
def test_what_is_no_run_file_is_refused_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        document(tmp_path, text)
    assert message in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        parse(tmp_path / "gone.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"cannot be read as text .byte 0 is no UTF-8"):
        parse(tmp_path / "b.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        parse(tmp_path)


def test_overrides_reach_keys_entries_and_shorthands(tmp_path: Path) -> None:
    first = document(
        tmp_path, "seed: 1\ntrain: sft\nfilter: [length, {use: novelty, below: 0.7}]\n"
    )
    changed = first.override(
        ["seed=2", "train.lora=8", "filter.novelty.below=0.5", "filter.0.least=3", "budget.calls=9"]
    )
    assert changed.data == {
        "seed": 2,
        "train": {"use": "sft", "lora": 8},
        "filter": [{"use": "length", "least": 3}, {"use": "novelty", "below": 0.5}],
        "budget": {"calls": 9},
    }
    assert first.data["seed"] == 1
    assert changed.place(("seed",)) == "command line"
    assert changed.place(("filter", 1, "below")) == "command line"
    assert changed.place(("train", "use")) == f"{tmp_path / 'run.yaml'}:2"


@pytest.mark.parametrize(
    ("override", "message"),
    [("seed", "key.key=value"), ("a..b=1", "key.key=value"), ("seed.x=1", "has no keys"),
     ("filter.rouge=1", r"no entry 'rouge'; there are 0 \(length\)"), ("seed=[", "cannot read")],
)  # fmt: skip
def test_a_wrong_override_says_why(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        document(tmp_path, "seed: 1\nfilter: [length]\n").override([override])
