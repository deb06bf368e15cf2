"""A causal language model that says how probable a given text is, from a directory or the hub.

The filters `ifd`, `perplexity` and `deita` ask it; a small model is enough for them (GPT-2 in
Superfiltering, Li et al. 2024, arXiv 2402.00530). What to score is said by the request's schema,
which leaves the reply no choice:

- ``{"const": text}``: the log-probabilities of the text's tokens behind the prompt, up to
  ``max_tokens``. Behind an empty prompt the first has none, unless the tokenizer opens every text
  with a token of its own, as LLaMA's does and GPT-2's does not;
- ``{"enum": [...]}``: those of every option to come next, each a single token;
- an array of numbers: the last token's hidden state, as the reply's text.

Everything else it answers as the model `transformers` does. Cost: one forward pass over each text,
many texts at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from didact.inference.engine import Engine
from didact.inference.scorer import Scorer as Scoring
from didact.inference.scorer import scores
from didact.models.embedded import Embedded
from didact.records import Reply, Request, operational

__all__ = ["Scorer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A local causal model that gives log-probabilities of texts, many at a time."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})
    spreads: ClassVar[bool] = True

    path: str = "embedded"
    """Directory with config.json, *.safetensors and tokenizer.json, a name on the hub, or
    `embedded`: the small model that ships with didact."""
    longest: int | None = None
    """Tokens of prompt and text that are read, the rest is cut off; none: as many as the model has
    room for. Published: 512 (Cherry LLM on Alpaca), 1024 (Superfiltering)."""
    device: Literal["auto", "cpu", "cuda", "mps"] = operational("auto")
    """auto is the GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto is float32 on the CPU, for exactness, and bfloat16 elsewhere."""
    _scorers: list[Scoring] = field(
        init=False, repr=False, compare=False, default_factory=list[Scoring]
    )
    _engines: list[Engine] = field(
        init=False, repr=False, compare=False, default_factory=list[Engine]
    )

    @property
    def _directory(self) -> str:
        return str(Embedded.directory()) if self.path == "embedded" else self.path

    @property
    def _name(self) -> str:
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def _scorer(self) -> Scoring:
        if not self._scorers:
            self._scorers.append(
                Scoring(
                    self._directory,
                    name=self._name,
                    device=self.device,
                    dtype=self.dtype,
                    longest=self.longest,
                )
            )
        return self._scorers[0]

    @property
    def identity(self) -> str:
        """Hash of configuration, tokenizer and weights, wherever they are."""
        return self._scorer.identity

    async def ask(self, request: Request) -> Reply:
        """The scores a request asks for; any other request is answered."""
        if scores(request):
            return await self._scorer.ask(request)
        if not self._engines:
            self._engines.append(
                Engine(
                    self._directory,
                    name=self._name,
                    batch=64,
                    device=self.device,
                    dtype=self.dtype,
                    template="auto",
                )
            )
        return await self._engines[0].ask(request)

    async def close(self) -> None:
        """Free the weights."""
        for held in (*self._scorers, *self._engines):
            await held.close()
