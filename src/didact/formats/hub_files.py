"""Files of a data set of the Hugging Face hub, fetched once and then read from the hub's cache.

Needs huggingface_hub, which comes with ``pip install "didact[train]"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from didact.errors import ConfigError

__all__ = ["hub_folder"]


def hub_folder(dataset: str, revision: str, patterns: Sequence[str]) -> Path:
    """The folder with the files of one revision that fit the patterns.

    ConfigError where they cannot be fetched and are not in the cache.
    """
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        told = 'reading from the hub needs huggingface_hub: pip install "didact[train]"'
        raise ConfigError(told) from error
    # The package types its progress bars partially.
    download = cast("Any", huggingface_hub).snapshot_download
    try:
        return Path(
            download(dataset, repo_type="dataset", revision=revision, allow_patterns=list(patterns))
        )
    except LocalEntryNotFoundError as error:
        told = "is not in the hub's cache here, and there is no network to fetch it"
        raise ConfigError(f"{dataset} ({revision}) {told}") from error
    except (HfHubHTTPError, ValueError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ConfigError(f"{dataset} ({revision}) cannot be fetched: {first}") from error
