"""Workers of a Ray cluster, or of a Ray that is started here.

Tasks only, one a shard: a worker process keeps what it loaded for the next. Ray is told not to
retry, so that a lost worker is seen and told (``shards``). Started here, Ray gets at least two
logical CPUs, for with one it can wait for itself; no dashboard, no usage statistics, a small object
store. On a cluster every host needs didact, the model's directory and component files at the same
paths; nothing else is shared. Cost: four seconds to start, and a message each way a shard.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from didact.errors import ConfigError, DidactError
from didact.scale.shards import Lost
from didact.scale.working import work as run_shard

__all__ = ["RayPool"]

_STORE = 100 * 2**20
"""Bytes of the object store of a Ray started here: shards are small."""


class RayPool:
    """The workers of a Ray."""

    def __init__(self, workers: int, *, address: str | None, cpus: float, gpus: float) -> None:
        self.workers = workers
        self._address = address
        self._needs = {"num_cpus": cpus, "num_gpus": gpus}
        self._task: Any = None
        self._ray: Any = None
        self._own = False

    async def run(self, work: str, shard: str) -> str:
        """The result of one shard."""
        task = self._started()
        gone = self._ray.exceptions
        try:
            return await task.remote(work, shard)
        except gone.RayTaskError as error:
            # A bug of ours or of a component: its traceback is the cause.
            raise error.as_instanceof_cause() from None
        except gone.RayError as error:
            raise Lost(type(error).__name__) from error

    def close(self) -> None:
        """Leave the cluster; a Ray that was started here ends."""
        if self._ray is not None and self._own:
            self._ray.shutdown()
        self._ray = self._task = None

    def _started(self) -> Any:  # noqa: ANN401 - Ray's task has no type
        if self._task is not None:
            return self._task
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            self._ray = import_module("ray")
        except ImportError as error:
            raise ConfigError("scale: ray is not installed: pip install 'didact[scale]'") from error
        if not self._ray.is_initialized():
            self._own = True
            self._join()
        self._task = self._ray.remote(**self._needs, max_retries=0)(run_shard)
        return self._task

    def _join(self) -> None:
        quiet = {"log_to_driver": False, "include_dashboard": False, "logging_level": "error"}
        if self._address is None:
            # Ray runs its workers at the lowest priority; here they are what the machine is for.
            os.environ.setdefault("RAY_worker_niceness", "0")
            cpus = max(2, self.workers)
            self._ray.init(address="local", num_cpus=cpus, object_store_memory=_STORE, **quiet)
            return
        try:
            self._ray.init(address=self._address, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise DidactError(
                f"scale: no Ray at {self._address} ({error}). Start one with `ray start --head`, or"
                " leave address out to have one started here"
            ) from error
