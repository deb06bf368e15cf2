"""Requests, replies, errors, verdicts and arrays as JSON, for a worker that is somewhere else."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from didact.errors import ModelError
from didact.records import JSON, Message, Reply, Request, Sampling, Usage, Verdict

__all__ = [
    "array_json",
    "array_of",
    "error_json",
    "error_of",
    "reply_json",
    "reply_of",
    "request_json",
    "request_of",
    "verdict_json",
    "verdict_of",
]

Scalar = TypeVar("Scalar", bound=np.generic)


def array_json(array: NDArray[Any]) -> str:
    """The numbers of an array, little-endian, in base 64."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode("ascii")


def array_of(text: str, kind: type[Scalar]) -> NDArray[Scalar]:
    """The inverse of ``array_json``; may be written to."""
    little = np.frombuffer(base64.b64decode(text), np.dtype(kind).newbyteorder("<"))
    return little.astype(kind)


def request_json(request: Request) -> dict[str, JSON]:
    """A request, its seed with it."""
    return {**request.to_json(), "seed": request.seed}


def request_of(data: Mapping[str, Any]) -> Request:
    """The inverse of ``request_json``."""
    sampling = dict(data["sampling"])
    sampling["stop"] = tuple(sampling["stop"])
    return Request(
        messages=tuple(Message(m["role"], m["content"]) for m in data["messages"]),
        prompt=data["prompt"],
        sampling=Sampling(**sampling),
        schema=data["schema"],
        draw=data["draw"],
        seed=data["seed"],
    )


def reply_json(reply: Reply) -> JSON:
    """A reply; its key is the asker's to know."""
    return {
        "text": reply.text,
        "finish": reply.finish,
        "usage": [reply.usage.prompt, reply.usage.completion],
        "logprobs": list(reply.logprobs) if reply.logprobs is not None else None,
        "model": reply.model,
    }


def reply_of(data: Mapping[str, Any]) -> Reply:
    """The inverse of ``reply_json``."""
    prompt, completion = data["usage"]
    return Reply(
        text=data["text"],
        finish=data["finish"],
        usage=Usage(prompt=prompt, completion=completion),
        logprobs=tuple(data["logprobs"]) if data["logprobs"] is not None else None,
        model=data["model"],
    )


def error_json(error: ModelError) -> JSON:
    """Why a model did not answer."""
    return {
        "message": str(error),
        "retryable": error.retryable,
        "status": error.status,
        "fault": error.fault,
    }


def error_of(data: Mapping[str, Any]) -> ModelError:
    """The inverse of ``error_json``."""
    return ModelError(
        data["message"], retryable=data["retryable"], status=data["status"], fault=data["fault"]
    )


def verdict_json(verdict: Verdict) -> JSON:
    """A verdict."""
    return {
        "keep": verdict.keep,
        "reason": verdict.reason,
        "score": verdict.score,
        "evidence": dict(verdict.evidence),
    }


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """The inverse of ``verdict_json``."""
    return Verdict(**data)
