"""A run's calls as JSONL, one call a line, and back: a run replays on a machine without its model.

The file is the log, complete and in order, in plain JSON that any tool reads. What is read back is
checked line by line before anything is written: the names and types of all values, and that the key
is the digest of the model and the request, so a prompt that was edited by hand is told.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from didact.calllog.rows import request_of, unpacked, writable
from didact.calls import Call, CallLog
from didact.disk import storing
from didact.errors import ConfigError
from didact.records import JSON, Reply, Usage, digest

__all__ = ["Imported", "export_calls", "import_calls"]

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did."""

    added: int
    """Calls that were new to the run."""
    here: int
    """Calls that the run had already; its own were kept."""


def export_calls(run: Path, file: Path) -> int:
    """Write every call of a run to a JSONL file, there whole or not at all; how many."""
    log = CallLog.open(_log_of(run))
    aside = file.with_name(file.name + ".new")
    count = 0
    try:
        with storing(file), aside.open("wb") as out:
            for call in log:
                out.write(_line(call))
                count += 1
            out.flush()
            os.fsync(out.fileno())
            os.replace(aside, file)
    finally:
        aside.unlink(missing_ok=True)
        log.close()
    return count


def import_calls(file: Path, run: Path) -> Imported:
    """Add the calls of a JSONL file to a run, made where there is none: all of them or none.

    ConfigError with every bad line (the first twenty), before anything is written.
    """
    problems: list[str] = []
    roles: dict[str, str] = {}
    for item in _read(file):
        if isinstance(item, Call):
            roles[item.role] = item.model
        else:
            problems.append(item)
            if len(problems) == _MOST_PROBLEMS:
                problems.append(f"{file}: and perhaps more; nothing after this line was read")
                break
    if problems:
        raise ConfigError("\n".join([*problems, f"{file}: nothing was imported"]))
    path = _log_of(run)
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    log = CallLog.open(path, write=True)
    try:
        added, here = log.add(_certain(_read(file)))
        for role, model in roles.items():
            if added:
                log.remember(role, model, settings=None)
    finally:
        log.close()
    return Imported(added=added, here=here)


def _log_of(run: Path) -> Path:
    return run if run.suffix == ".db" else run / "calls.db"


def _certain(items: Iterator[Call | str]) -> Iterator[Call]:
    """The calls; read a second time, the file may have changed."""
    for item in items:
        if not isinstance(item, Call):
            raise ConfigError(f"{item}\nnothing was imported")
        yield item


def _line(call: Call) -> bytes:
    asked = call.asked
    request = asked.to_json() if not isinstance(asked, str | bytes) else json.loads(unpacked(asked))
    reply, error = call.reply, None
    if reply is None:
        error = {
            "message": call.error,
            "retryable": call.retryable,
            "status": call.status,
            "fault": call.fault,
        }
    data: dict[str, JSON] = {
        "key": call.key,
        "role": call.role,
        "model": call.model,
        "request": request,
        "reply": {
            "text": reply.text,
            "finish": reply.finish,
            "usage": {"prompt": reply.usage.prompt, "completion": reply.usage.completion},
            "logprobs": list(reply.logprobs) if reply.logprobs is not None else None,
            "model": reply.model,
        }
        if reply
        else None,
        "error": cast("JSON", error),
        "seconds": call.seconds,
        "usd": call.usd,
        "copied": call.copied,
        "forgotten": call.forgotten,
    }
    text = json.dumps(data, ensure_ascii=False)
    if writable(text) != text:
        escaped = json.dumps(data)
        if json.loads(escaped) == data:
            text = escaped
        # Else two lone surrogates stand side by side, which JSON's escapes would make one
        # character of: bytes that only this reader takes are better than another prompt.
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _read(file: Path) -> Iterator[Call | str]:
    """A call for every line, or what is wrong with the line."""
    try:
        lines = file.open("rb")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from error
    with lines:
        for number, line in enumerate(lines, 1):
            try:
                data = json.loads(line.decode("utf-8", "surrogatepass"))
                yield _call(data)
            except (_Wrong, ValueError) as error:
                what = "not JSON: " if isinstance(error, json.JSONDecodeError) else ""
                yield f"{file}, line {number}: {what}{error}"


class _Wrong(Exception):
    """What a line lacks."""


def _call(data: object) -> Call:
    row = _fields(data, _CALL, "a call, as `didact calls export` writes it")
    request = cast("dict[str, Any]", row["request"])
    if (row["reply"] is None) == (row["error"] is None):
        raise _Wrong("a call has either a reply or an error")
    if row["key"] != digest({"model": row["model"], "request": request}):
        raise _Wrong("the key is not that of this model and request: was the line edited?")
    try:
        request_of(request)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _Wrong(f"request: not as this didact knows one ({error!r})") from error
    reply = None
    if row["reply"] is not None:
        found = _fields(row["reply"], _REPLY, "reply")
        usage = _fields(found["usage"], _USAGE, "reply.usage")
        logprobs = found["logprobs"]
        if logprobs is not None and not all(_fits(one, _NUMBER) for one in logprobs):
            raise _Wrong("reply.logprobs: numbers")
        if found["finish"] not in ("stop", "length", "refused"):
            raise _Wrong(f"reply.finish: stop, length or refused, not {found['finish']!r}")
        reply = Reply(
            text=found["text"],
            finish=found["finish"],
            usage=Usage(prompt=usage["prompt"], completion=usage["completion"]),
            logprobs=tuple(logprobs) if logprobs is not None else None,
            model=found["model"],
            key=row["key"],
        )
    error = _fields(row["error"], _ERROR, "error") if reply is None else {}
    return Call(
        number=0,
        key=row["key"],
        role=row["role"],
        model=row["model"],
        asked=json.dumps(request, ensure_ascii=False),
        reply=reply,
        error=error.get("message", ""),
        retryable=error.get("retryable", False),
        status=error.get("status"),
        fault=error.get("fault", "unknown"),
        seconds=row["seconds"],
        usd=row["usd"],
        copied=row["copied"],
        forgotten=row["forgotten"],
    )


def _fields(data: object, kinds: Mapping[str, tuple[type, ...]], what: str) -> dict[str, Any]:
    """The values of an object that has exactly these names, each of one of its types."""
    if not isinstance(data, dict):
        raise _Wrong(f"not {what}" if what.startswith("a ") else f"{what}: an object")
    found = cast("dict[str, Any]", data)
    if unknown := sorted(found.keys() - kinds.keys()):
        raise _Wrong(f"not {what}: nothing is called {unknown[0]!r}")
    if missing := [name for name in kinds if name not in found]:
        raise _Wrong(f"not {what}: {missing[0]!r} is missing")
    for name, value in found.items():
        if not _fits(value, kinds[name]):
            names = " or ".join(kind.__name__ for kind in kinds[name])
            raise _Wrong(f"{name}: {names.replace('NoneType', 'null')}, not {str(value)[:80]!r}")
        if isinstance(value, str) and name in _NAMES and writable(value) != value:
            raise _Wrong(f"{name}: no Unicode")
        if isinstance(value, float) and not math.isfinite(value):
            raise _Wrong(f"{name}: a finite number")
    return found


def _fits(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return False
    return type(value) in kinds


_NULL = type(None)
_NUMBER = (int, float)
_NAMES = ("key", "role", "model")
_CALL = {
    "key": (str,),
    "role": (str,),
    "model": (str,),
    "request": (dict,),
    "reply": (dict, _NULL),
    "error": (dict, _NULL),
    "seconds": _NUMBER,
    "usd": (*_NUMBER, _NULL),
    "copied": (bool,),
    "forgotten": (bool,),
}
_REPLY = {
    "text": (str,),
    "finish": (str,),
    "usage": (dict,),
    "logprobs": (list, _NULL),
    "model": (str,),
}
_USAGE = {"prompt": (int,), "completion": (int,)}
_ERROR = {"message": (str,), "retryable": (bool,), "status": (int, _NULL), "fault": (str,)}
