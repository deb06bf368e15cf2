"""A local model run by vLLM in this process, for thousands of requests at a time on a GPU.

vLLM pins its own torch and transformers, so it needs an environment of its own: install vLLM there
first and didact, without its training extras, into the same place. Where that is unwelcome, serve
the model (``vllm serve PATH``) and use ``openai``; nothing is lost but the copy over a socket.
Written to the API of vLLM 0.33 (``AsyncLLMEngine``, ``tokens_input``, ``StructuredOutputsParams``).
Sampling is seeded by each request; batching may still change a reply by the rounding of floating
point. Cost: no calls to anybody; the GPU's memory is held until ``close``.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Literal, cast

from didact.errors import ConfigError, ModelError
from didact.http.troubles import judge
from didact.inference.weights import fingerprint, locate
from didact.records import JSON, Message, Reply, Request, Usage, canonical, digest, operational
from didact.text.chat import render

__all__ = ["VLLM"]


class _Live:
    """The engine of one event loop."""

    def __init__(self) -> None:
        self.identity = ""
        self.engine: Any = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class VLLM:
    """A model from a directory or the hub, run here by vLLM (its own environment, a GPU)."""

    local: ClassVar[bool] = True

    spreads: ClassVar[bool] = True

    path: str
    """Directory with config.json, *.safetensors and tokenizer.json, or a name on the hub."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto is what the model's configuration says."""
    template: Literal["auto", "alpaca"] = "auto"
    """How messages become text: auto is the model's own chat template, else the alpaca markers."""
    logprobs: bool = False
    """Give the log-probabilities of the reply's tokens."""
    gpus: int = operational(1)
    """How many GPUs share the model (vLLM's tensor parallelism)."""
    memory: float = operational(0.9)
    """Share of the GPU's memory that vLLM may take."""
    longest: int | None = None
    """Most tokens of prompt and reply together; fewer than the model's own limit save memory."""
    engine: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further arguments of vLLM's engine, by their own names: quantization, max_num_seqs, ..."""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further sampling parameters, by vLLM's names: top_k, min_p, repetition_penalty, ..."""
    _live: _Live = field(init=False, repr=False, compare=False, default_factory=_Live)

    def __post_init__(self) -> None:
        if (
            self.gpus < 1
            or not 0 < self.memory <= 1
            or (self.longest is not None and self.longest < 1)
        ):
            raise ConfigError("vllm: gpus and longest are at least 1, memory is above 0, at most 1")
        if self.extra.get("n") not in (None, 1):
            raise ConfigError("vllm: extra.n makes replies that would be lost")

    @property
    def identity(self) -> str:
        """Hash of configuration, tokenizer, weights and the settings that change replies."""
        if not self._live.identity:
            shown = {
                "dtype": self.dtype,
                "template": self.template,
                "logprobs": self.logprobs,
                "longest": self.longest,
                "engine": dict(self.engine),
                "extra": dict(self.extra),
            }
            settings = [canonical(cast("JSON", shown))]
            self._live.identity = f"vllm:{fingerprint(locate(self.path), settings)}"
        return self._live.identity

    @property
    def capabilities(self) -> frozenset[str]:
        """All, log-probabilities where asked for."""
        return frozenset(
            {"chat", "completion", "schema"} | ({"logprobs"} if self.logprobs else set())
        )

    async def ask(self, request: Request) -> Reply:
        """Continues a prompt or answers messages."""
        tokenizer = await self._tokenizer()
        if request.prompt is not None:
            ids = _encode(tokenizer, request.prompt, special=True)
        else:
            ids = _encode(tokenizer, self._render(tokenizer, request.messages), special=False)
        output = await self._run(ids, self._sampling(request))
        answer = output.outputs[0]
        if answer.finish_reason in ("abort", "error"):
            message = f"vllm: the request ended in {answer.finish_reason}"
            raise ModelError(message, retryable=True, fault="transient")
        return Reply(
            text=answer.text,
            finish="stop" if answer.finish_reason == "stop" else "length",
            usage=Usage(prompt=len(ids), completion=len(answer.token_ids)),
            logprobs=_of(answer.token_ids, answer.logprobs) if self.logprobs else None,
            model=self.path.rstrip("/").rpartition("/")[2],
        )

    async def score(self, prompt: str, completion: str) -> tuple[float, ...]:
        """Natural log-probabilities of the completion's tokens after the prompt."""
        tokenizer = await self._tokenizer()
        ids = _encode(tokenizer, prompt, special=True)
        target = _encode(tokenizer, completion, special=False)
        if not target:
            return ()
        sampling = import_module("vllm").SamplingParams(
            max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False
        )
        output = await self._run(ids + target, sampling)
        return _of(target, output.prompt_logprobs[len(ids) :])

    async def close(self) -> None:
        """Ends the engine and frees the GPU."""
        engine, self._live.engine = self._live.engine, None
        if engine is not None:
            engine.shutdown()

    def _open(self) -> Any:  # noqa: ANN401  (vLLM's engine)
        live, loop = self._live, asyncio.get_running_loop()
        if live.engine is not None and live.loop is loop:
            return live.engine
        if live.engine is not None:
            live.engine.shutdown()
        vllm = _vllm()
        settings: dict[str, object] = {
            "model": str(locate(self.path)),
            "dtype": self.dtype,
            "tensor_parallel_size": self.gpus,
            "gpu_memory_utilization": self.memory,
            "disable_log_stats": True,
        }
        if self.longest is not None:
            settings["max_model_len"] = self.longest
        try:
            arguments = vllm.AsyncEngineArgs(**settings | dict(self.engine))
            live.engine = vllm.AsyncLLMEngine.from_engine_args(arguments)
        except (TypeError, ValueError, RuntimeError, OSError) as error:
            raise ConfigError(f"vllm: {self.path} cannot be loaded: {error}") from error
        live.loop = loop
        return live.engine

    async def _tokenizer(self) -> Any:  # noqa: ANN401  (whichever the model has)
        found = self._open().get_tokenizer()
        return await found if inspect.isawaitable(found) else found

    def _sampling(self, request: Request) -> Any:  # noqa: ANN401  (vLLM's parameters)
        module = import_module("vllm.sampling_params")
        sampling = request.sampling
        settings: dict[str, object] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
            "stop": list(sampling.stop),
            "output_kind": module.RequestOutputKind.FINAL_ONLY,
        }
        if sampling.temperature > 0:
            settings["seed"] = int(digest([self.identity, request.to_json()])[:8], 16) & 0x7FFFFFFF
        if self.logprobs:
            settings["logprobs"] = 0
        if request.schema is not None:
            settings["structured_outputs"] = module.StructuredOutputsParams(
                json=dict(request.schema)
            )
        try:
            return module.SamplingParams(**settings | dict(self.extra))
        except TypeError as error:
            raise ConfigError(f"vllm: extra: {error}") from error
        except (ValueError, _errors()) as error:
            raise _refusal(error) from error

    def _render(self, tokenizer: Any, messages: Sequence[Message]) -> str:  # noqa: ANN401
        if self.template == "alpaca" or getattr(tokenizer, "chat_template", None) is None:
            return render(
                messages,
                add_generation_prompt=True,
                bos=tokenizer.bos_token or "",
                eos=tokenizer.eos_token or "",
            )
        from jinja2 import TemplateError

        try:
            return tokenizer.apply_chat_template(
                [message.to_json() for message in messages],
                tokenize=False,
                add_generation_prompt=True,
            )
        except TemplateError as error:
            message = f"the model's chat template refuses the messages: {error}"
            raise ModelError(message, fault="request") from error

    async def _run(self, ids: list[int], sampling: Any) -> Any:  # noqa: ANN401  (vLLM's values)
        engine = self._open()
        prompt = import_module("vllm.inputs").tokens_input(ids)
        name = f"didact-{next(self._live.numbers)}"
        last: Any = None
        try:
            # Closed at once when cancelled, which takes the request out of vLLM's batch.
            async with aclosing(engine.generate(prompt, sampling, name)) as outputs:
                async for output in outputs:
                    last = output
        except (ValueError, _errors()) as error:
            raise _refusal(error) from error
        if last is None:
            raise ModelError("vllm: no output", retryable=True, fault="transient")
        return last


def _vllm() -> Any:  # noqa: ANN401  (a package that is not installed where types are checked)
    try:
        return import_module("vllm")
    except ImportError as error:
        raise ConfigError(
            f"vllm: vLLM is not installed in this environment ({error}). It needs one of its own:"
            " `uv venv vllm-env`, `uv pip install vllm`, then didact into the same place; or serve"
            " the model with `vllm serve PATH` and write {use: openai, url:"
            " http://localhost:8000/v1, model: PATH}"
        ) from error


def _errors() -> type[Exception]:
    """What vLLM's errors have in common; its older releases raise ValueError."""
    return getattr(import_module("vllm.exceptions"), "VLLMError", ValueError)


def _refusal(error: Exception) -> ModelError:
    message = f"vllm: {error}"
    if type(error).__name__ == "EngineDeadError":
        return ModelError(message, retryable=True, fault="down")
    clients = {"VLLMClientError", "ValueError"} & {kind.__name__ for kind in type(error).__mro__}
    if clients:
        kind = judge(400, json.dumps({"message": str(error)}).encode(), {}).kind
        return ModelError(message, fault="too_long" if kind == "too_long" else "request")
    return ModelError(message, retryable=True, fault="transient")


def _encode(tokenizer: Any, text: str, *, special: bool) -> list[int]:  # noqa: ANN401
    return list(tokenizer.encode(text, add_special_tokens=special))


def _of(ids: Sequence[int], positions: Sequence[Mapping[int, Any]] | None) -> tuple[float, ...]:
    """Of each token its own log-probability, among those that vLLM lists for its place."""
    return tuple(
        float(listed[token].logprob) for token, listed in zip(ids, positions or (), strict=True)
    )
