"""The merged model, pushed to the hub once its check has passed.

The token is read from ``HF_TOKEN`` and nowhere else, the address from ``HF_ENDPOINT`` where it is
not the public hub. A repository is made private unless told otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from didact.errors import ConfigError, CredentialsError, DidactError
from didact.exports import merged
from didact.exports.export import FAILED, Exported, Made, Options
from didact.exports.trained import Trained

__all__ = ["TOKEN", "make", "push"]

TOKEN = "HF_TOKEN"


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder to push; what is missing for that is told before any work."""
    if not options.repo or options.repo.count("/") != 1:
        raise ConfigError("hub: name the repository: --repo OWNER/NAME")
    _token()
    made = merged.make(trained, out, options)
    made.notes[:] = [f"transformers and vLLM load it as {options.repo}"]
    return made


def push(done: Exported, options: Options) -> None:
    """Upload the folder."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    assert options.repo is not None
    api: Any = HfApi(token=_token(), endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        made = api.create_repo(options.repo, private=options.private, exist_ok=True)
        api.upload_folder(
            repo_id=options.repo,
            folder_path=str(done.path),
            ignore_patterns=[FAILED],
            commit_message="Export by didact",
        )
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise CredentialsError(
                f"hub: {TOKEN} may not write to {options.repo} (HTTP {status}); nothing was pushed,"
                f" the export is in {done.path}"
            ) from error
        raise DidactError(
            f"hub: pushing to {options.repo} failed: {_reason(error)}; the export is in"
            f" {done.path}, and the same command tries again"
        ) from error
    except (OSError, RuntimeError) as error:
        # What broke while a file was sent is a RuntimeError there, with the cause behind it.
        cause = error.__cause__ or error
        raise DidactError(
            f"hub: pushing to {options.repo} broke off: {_reason(cause)}; the export is in"
            f" {done.path}, and the same command tries again"
        ) from error
    done.made.ready = str(made)


def _reason(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _token() -> str:
    token = os.environ.get(TOKEN)
    if not token:
        raise CredentialsError(f"hub: set {TOKEN} to a token that may write to the hub")
    return token
