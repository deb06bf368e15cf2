"""Texts as vectors, by any model that sentence-transformers can load, or by a function of yours.

An optional dependency: ``pip install "didact[embed]"``. A model is named as on the model hub or by
its directory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didact.errors import ConfigError
from didact.text.cosine_index import unit_vectors

__all__ = ["Encoder", "embed"]


Encoder: TypeAlias = Callable[[Sequence[str]], ArrayLike]
"""A function that gives one row of numbers for each text."""


def embed(model: str | Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """One vector of length 1 for each text; ConfigError where the model cannot be had."""
    if not texts:
        return np.zeros((0, 1), np.float32)
    encoder = _loaded(model) if isinstance(model, str) else model
    # A tokeniser cannot take half of a surrogate pair.
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    vectors = unit_vectors(encoder(clean))
    if len(vectors) != len(texts):
        raise ConfigError(f"the encoder gave {len(vectors)} vectors for {len(texts)} texts")
    return vectors


@lru_cache(maxsize=1)
def _loaded(name: str) -> Encoder:
    try:
        from sentence_transformers import (  # pyright: ignore[reportMissingImports]
            SentenceTransformer,  # pyright: ignore[reportUnknownVariableType]
        )
    except ImportError as error:
        raise ConfigError(
            'embeddings need sentence-transformers: pip install "didact[embed]"'
        ) from error
    try:
        model = cast("Any", SentenceTransformer)(name)
    except (OSError, ValueError) as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ConfigError(
            f"the embedding model {name!r} cannot be loaded ({told}); give the name of one on the"
            " model hub or the path of its directory"
        ) from error

    def encode(texts: Sequence[str]) -> ArrayLike:
        return model.encode(list(texts), show_progress_bar=False)

    return encode
