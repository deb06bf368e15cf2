"""What a worker does with a shard: answer requests, check examples, look texts up.

A shard is JSON: the component as a run file names it, and rows; what is looked up names neither
(``near``). A worker keeps the components that it was asked for, so a model is loaded once. What a
model could not answer comes back as the error it is, row by row; a component that cannot be made,
or a model that cannot be loaded, stops the run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from didact.components import build, find
from didact.context import Checker, Model
from didact.errors import DidactError, ModelError
from didact.records import JSON, Example
from didact.scale.wire import error_json, reply_json, request_of, verdict_json

__all__ = ["KINDS_OF_WORK", "work"]


def work(kind: str, shard: str) -> str:
    """The result of a shard, as JSON: ``rows``, or ``stop`` with what is wrong for all."""
    data = json.loads(shard)
    try:
        return json.dumps(KINDS_OF_WORK[kind](data))
    except DidactError as error:
        return json.dumps({"stop": str(error)})


@lru_cache(maxsize=32)
def _component(kind: str, use: str, settings: str) -> Any:  # noqa: ANN401 - of any kind
    component, problems = build(find(kind, use), json.loads(settings), folder=Path("/"))
    if problems:
        told = "; ".join(f"{'.'.join(map(str, p.at))}: {p.message}" for p in problems)
        raise DidactError(f"{kind}: {use}: {told}")
    return component


def _of(data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of any kind
    return _component(data["kind"], data["use"], json.dumps(data["settings"]))


def _answer(data: Mapping[str, Any]) -> JSON:
    model = cast("Model", _of(data))

    async def one(row: Mapping[str, Any]) -> JSON:
        try:
            if "completion" in row:
                score = cast("Any", model).score
                return {"score": list(await score(row["prompt"], row["completion"]))}
            return {"reply": reply_json(await model.ask(request_of(row)))}
        except ModelError as error:
            return {"error": error_json(error)}

    async def every() -> list[JSON]:
        return await asyncio.gather(*map(one, data["rows"]))

    return {"rows": asyncio.run(every())}


def _check(data: Mapping[str, Any]) -> JSON:
    check = cast("Checker", _of(data)).check
    return {"rows": [verdict_json(check(Example.from_json(row))) for row in data["rows"]]}


def _near(data: Mapping[str, Any]) -> JSON:
    from didact.scale.near import near  # brings in numpy and what is compiled

    return near(data)


KINDS_OF_WORK: Mapping[str, Callable[[Mapping[str, Any]], JSON]] = {
    "answer": _answer,
    "check": _check,
    "near": _near,
}
