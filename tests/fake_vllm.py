"""A stand-in for the package vLLM, with the names, arguments and errors of its release 0.33.

Arguments that the real classes do not have are refused as the real ones would.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

SAMPLING = {
    "max_tokens", "temperature", "top_p", "top_k", "min_p", "presence_penalty", "stop", "seed",
    "frequency_penalty", "repetition_penalty", "output_kind", "logprobs", "prompt_logprobs",
    "structured_outputs", "detokenize",
}  # fmt: skip
ENGINE = {
    "model", "dtype", "tensor_parallel_size", "gpu_memory_utilization", "disable_log_stats",
    "max_model_len", "max_num_seqs", "quantization",
}  # fmt: skip


class VLLMError(Exception):
    """The base of all."""


class VLLMClientError(VLLMError):
    """The request's fault."""


class EngineDeadError(VLLMError):
    """The engine's."""


class RetryableRequestError(VLLMError):
    """Nobody's."""


def _bag(name: str, known: set[str]) -> Callable[..., SimpleNamespace]:
    def make(**settings: Any) -> SimpleNamespace:
        for unknown in settings.keys() - known:
            raise TypeError(f"{name} got an unexpected keyword argument {unknown!r}")
        return SimpleNamespace(**settings)

    return make


class Engine:
    """Answers with the decoded prompt in capitals; ``shut`` and ``aborted`` are for the test."""

    made: list[Engine]

    def __init__(self, arguments: Any) -> None:
        from transformers import AutoTokenizer

        self.arguments = arguments
        self.tokenizer = AutoTokenizer.from_pretrained(arguments.model)
        self.asked: list[tuple[list[int], Any, str]] = []
        self.shut = False
        self.aborted: list[str] = []

    def get_tokenizer(self) -> Any:
        return self.tokenizer

    async def generate(
        self, prompt: dict[str, Any], sampling: Any, request_id: str
    ) -> AsyncIterator[Any]:
        assert prompt["type"] == "token"
        ids = prompt["prompt_token_ids"]
        self.asked.append((ids, sampling, request_id))
        text = self.tokenizer.decode(ids)
        if "too long" in text:
            raise VLLMClientError("The prompt (length 99) is longer than the maximum model length")
        for word, error in (("dead", EngineDeadError), ("again", RetryableRequestError)):
            if word in text:
                raise error(word)
        try:
            await asyncio.sleep(3600 if "slowly" in text else 0)
        except asyncio.CancelledError:
            self.aborted.append(request_id)
            raise
        said = self.tokenizer.encode(text.upper())
        limit = sampling.max_tokens
        listed = [{token: SimpleNamespace(logprob=-0.5), 0: SimpleNamespace(logprob=-9.0)}
                  for token in said[:limit]]  # fmt: skip
        output = SimpleNamespace(
            text=self.tokenizer.decode(said[:limit]),
            token_ids=said[:limit],
            finish_reason="abort" if "abort" in text else "length" if len(said) > limit else "stop",
            logprobs=listed if hasattr(sampling, "logprobs") else None,
        )
        scored = [None, *({t: SimpleNamespace(logprob=-float(n))} for n, t in enumerate(ids[1:]))]
        yield SimpleNamespace(outputs=[output], prompt_logprobs=scored)

    def shutdown(self) -> None:
        self.shut = True


def install(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """Put the stand-in where vLLM would be; the engines that come to be."""
    engines: list[Engine] = []

    def from_engine_args(arguments: Any) -> Engine:
        engines.append(Engine(arguments))
        return engines[-1]

    modules: dict[str, dict[str, Any]] = {
        "vllm": {
            "AsyncEngineArgs": _bag("AsyncEngineArgs", ENGINE),
            "AsyncLLMEngine": SimpleNamespace(from_engine_args=from_engine_args),
            "SamplingParams": _bag("SamplingParams", SAMPLING),
        },
        "vllm.sampling_params": {
            "SamplingParams": _bag("SamplingParams", SAMPLING),
            "RequestOutputKind": SimpleNamespace(FINAL_ONLY="final only"),
            "StructuredOutputsParams": _bag("StructuredOutputsParams", {"json"}),
        },
        "vllm.inputs": {
            "tokens_input": lambda ids: {"type": "token", "prompt_token_ids": ids},
        },
        "vllm.exceptions": {"VLLMError": VLLMError},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    return engines
