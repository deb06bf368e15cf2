from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calllog.test_rows import ANY, REPLIES
from didact.calls import Call, CallLog, call_key
from didact.errors import ConfigError, ModelError, StoreError
from didact.records import Message, Reply, Request, Sampling, Usage
from didact.transfer import Imported, export_calls, import_calls

OUTCOMES = REPLIES | st.builds(
    ModelError,
    st.sampled_from(["down", "refusé", ""]),
    retryable=st.booleans(),
    status=st.none() | st.integers(100, 599),
    fault=st.sampled_from(["transient", "request", "too_long", "refused", "down", "unknown"]),
)


def fill(run: Path, calls: list[tuple[str, Reply | ModelError]]) -> list[Call]:
    run.mkdir(parents=True, exist_ok=True)
    log = CallLog.open(run / "calls.db", write=True)
    for number, (text, outcome) in enumerate(calls):
        request = Request(
            messages=(Message("user", text),),
            sampling=Sampling(stop=(text,), temperature=number % 2 / 2),
            schema={"type": text} if number % 3 else None,
            seed=number,
        )
        log.record(
            call_key("tiny", request), request, role="teacher", model="tiny", outcome=outcome,
            seconds=number / 7, usd=None if number % 2 else number / 3,
        )  # fmt: skip
    calls_of = list(log)
    log.close()
    return calls_of


def calls_of(run: Path) -> list[Call]:
    log = CallLog.open(run / "calls.db")
    found = list(log)
    log.close()
    return found


def few(run: Path) -> list[Call]:
    return fill(
        run,
        [
            ("a", Reply(text="x", usage=Usage(prompt=1, completion=2), logprobs=(-1.0,))),
            ("b", ModelError("down", status=503, retryable=True, fault="transient")),
            ("c", Reply(text="long " * 3000, finish="length", model="tiny@1")),
        ],
    )


@settings(deadline=None)
@given(st.lists(st.tuples(ANY, OUTCOMES), max_size=4))
def test_a_log_that_is_exported_and_imported_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, Reply | ModelError]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    before = fill(folder / "a", calls)
    assert export_calls(folder / "a", folder / "calls.jsonl") == len(before)
    assert import_calls(folder / "calls.jsonl", folder / "b").added == len(before)
    after = calls_of(folder / "b")
    assert after == before
    assert [call.request for call in after] == [call.request for call in before]
    assert (folder / "calls.jsonl").read_bytes().count(b"\n") == len(before)


def test_what_is_forgotten_or_copied_stays_so_and_a_second_import_adds_nothing(
    tmp_path: Path,
) -> None:
    few(tmp_path / "a")
    log = CallLog.open(tmp_path / "new.db", write=True, reuse=[tmp_path / "a"])
    for call in calls_of(tmp_path / "a"):
        log.get(call.key)
    request = Request(prompt="own")
    for _ in range(2):
        log.record(
            call_key("tiny", request), request, role="judge", model="tiny", seconds=1,
            outcome=ModelError("no"),
        )  # fmt: skip
        log.forget_failures()
    totals = log.totals()
    log.close()
    export_calls(tmp_path / "new.db", tmp_path / "calls.jsonl")
    assert import_calls(tmp_path / "calls.jsonl", tmp_path / "b") == Imported(added=4, here=0)
    assert import_calls(tmp_path / "calls.jsonl", tmp_path / "b") == Imported(added=0, here=4)
    assert [(c.copied, c.forgotten) for c in calls_of(tmp_path / "b")] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]
    assert CallLog.open(tmp_path / "b/calls.db").totals() == totals


def test_an_import_keeps_what_the_run_has(tmp_path: Path) -> None:
    few(tmp_path / "a")
    export_calls(tmp_path / "a", tmp_path / "calls.jsonl")
    own = fill(tmp_path / "b", [("a", Reply(text="mine"))])
    assert import_calls(tmp_path / "calls.jsonl", tmp_path / "b") == Imported(added=2, here=1)
    assert calls_of(tmp_path / "b")[0] == own[0]


def edited(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda line: line | changes


def reply(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda line: line | {"reply": line["reply"] | changes}


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda line: "{", "not JSON: "),
        (lambda line: "", "not JSON: "),
        (lambda line: [], "not a call, as `didact calls export` writes it"),
        (lambda line: {"prompt": "a", "completion": "b"}, "nothing is called 'completion'"),
        (lambda line: {k: v for k, v in line.items() if k != "usd"}, "'usd' is missing"),
        (edited(model="other"), "was the line edited?"),
        (edited(seconds="1"), "seconds: int or float, not '1'"),
        (edited(usd=float("inf")), "usd: a finite number"),
        (edited(copied=1), "copied: bool, not '1'"),
        (edited(role="\ud800"), "role: no Unicode"),
        (edited(reply=None), "either a reply or an error"),
        (edited(error={}), "either a reply or an error"),
        (edited(reply=None, error={"message": "x"}), "not error: 'retryable' is missing"),
        (reply(text=None), "text: str, not 'None'"),
        (reply(finish="eos"), "reply.finish: stop, length or refused, not 'eos'"),
        (reply(logprobs=[True]), "reply.logprobs: numbers"),
        (reply(usage={"prompt": 1}), "not reply.usage: 'completion' is missing"),
        (reply(usage={"prompt": 1 << 70, "completion": 1}), "prompt: int, not '11805"),
        (reply(usage=[]), "usage: dict"),
    ],
)
def test_a_bad_line_is_told_and_nothing_is_imported(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], told: str
) -> None:
    few(tmp_path / "a")
    file = tmp_path / "calls.jsonl"
    export_calls(tmp_path / "a", file)
    lines = file.read_text().splitlines()
    bad = edit(json.loads(lines[0]))
    lines.insert(2, bad if isinstance(bad, str) else json.dumps(bad))
    lines.append("[1]")
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError) as caught:
        import_calls(file, tmp_path / "b")
    first, second, last = str(caught.value).splitlines()
    assert first.startswith(f"{file}, line 3: ")
    assert told in first
    assert second.startswith(f"{file}, line 5: not a call")
    assert last.endswith("nothing was imported")
    assert not (tmp_path / "b").exists()


def test_a_request_of_a_later_didact_is_told(tmp_path: Path) -> None:
    from didact.records import digest

    few(tmp_path / "a")
    file = tmp_path / "calls.jsonl"
    export_calls(tmp_path / "a", file)
    line = json.loads(file.read_text().splitlines()[0])
    line["request"]["sampling"]["min_p"] = 0.1
    line["key"] = digest({"model": line["model"], "request": line["request"]})
    file.write_text(json.dumps(line))
    with pytest.raises(ConfigError, match="line 1: request: not as this didact knows one"):
        import_calls(file, tmp_path / "b")


def test_many_bad_lines_are_not_all_told(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"instruction": "a"}\n' * 100)
    with pytest.raises(ConfigError, match="nothing after this line was read") as caught:
        import_calls(file, tmp_path / "b")
    assert len(str(caught.value).splitlines()) == 22


def test_an_import_that_fails_at_the_end_leaves_the_run_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(tmp_path / "a")
    file = tmp_path / "calls.jsonl"
    export_calls(tmp_path / "a", file)
    own = fill(tmp_path / "b", [("own", Reply(text="mine"))])
    real = CallLog.add

    def changed(self: CallLog, calls: Any) -> tuple[int, int]:
        with file.open("a") as out:
            out.write("{}\n")
        return real(self, calls)

    monkeypatch.setattr(CallLog, "add", changed)
    with pytest.raises(ConfigError, match="line 4"):
        import_calls(file, tmp_path / "b")
    assert calls_of(tmp_path / "b") == own


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none\\.jsonl: cannot be read"):
        import_calls(tmp_path / "none.jsonl", tmp_path / "b")
    with pytest.raises(StoreError, match="there is no call log here"):
        export_calls(tmp_path / "none", tmp_path / "calls.jsonl")
    few(tmp_path / "a")
    with pytest.raises(StoreError, match="cannot be written"):
        export_calls(tmp_path / "a", tmp_path / "no/such/calls.jsonl")
    assert sorted(os.listdir(tmp_path)) == ["a"]


def test_a_run_that_is_written_can_be_exported_and_not_imported_into(tmp_path: Path) -> None:
    few(tmp_path / "a")
    log = CallLog.open(tmp_path / "a/calls.db", write=True)
    assert export_calls(tmp_path / "a", tmp_path / "calls.jsonl") == 3
    with pytest.raises(StoreError, match=f"another process .*pid {os.getpid()}"):
        import_calls(tmp_path / "calls.jsonl", tmp_path / "a")
    log.close()


def test_the_commands_say_how_many_and_what_is_next(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from didact.cli import app

    few(tmp_path / "a")
    runner = CliRunner()
    file = str(tmp_path / "calls.jsonl")
    done = runner.invoke(app, ["calls", "export", str(tmp_path / "a"), file])
    assert done.exit_code == 0
    assert f"3 calls in {file}" in done.stderr
    for told in ("3 calls added, 0 were there already", "0 calls added, 3 were there already"):
        done = runner.invoke(app, ["calls", "import", file, str(tmp_path / "b")])
        assert done.exit_code == 0
        assert told in done.stderr
        assert f"didact run FILE --out {tmp_path / 'b'}" in done.stderr
    assert calls_of(tmp_path / "b") == calls_of(tmp_path / "a")
