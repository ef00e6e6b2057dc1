"""The Dask cluster that a batch runs on: the one that is there, or one of this computer's own."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ....core.errors import UserError

CORES_PER_WORKER = 2
CONNECT_WITHIN = 10
"""Seconds for a scheduler to answer."""
START_TRIES = 3
"""How often a cluster is started in which a process dies at once."""
INSTALL = 'sa3d batch needs Dask, which is not installed; run pip install "sa3d-blender[batch]".'


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address, such as ``tcp://head:8786``.

    Raises:
        UserError: Dask is not installed, or no scheduler answers.
    """
    distributed = _dask()
    try:
        host, port = distributed.comm.get_address_host_port(address, strict=True)
        socket.create_connection((host, port), timeout=CONNECT_WITHIN).close()
        client = distributed.Client(address, timeout=CONNECT_WITHIN, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"No Dask scheduler answers at {address}; start one (dask scheduler), or leave "
            "--scheduler out to use this computer."
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=CONNECT_WITHIN)


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A client of a cluster on this computer, which goes with it.

    It is reached only from this computer, and by TLS with a key that only this process has: else
    whoever has an account here could run code through it.

    Args:
        workers: processes; they share the cores, or each has a GPU.

    Raises:
        UserError: Dask is not installed, or no process can be started.
    """
    distributed = _dask()
    import dask

    from .keyboard import DeafToKeyboard

    threads = str(max(1, core_count() // workers))
    variables = {
        f"distributed.nanny.pre-spawn-environ.{name}_NUM_THREADS": threads
        for name in ("OMP", "MKL", "OPENBLAS")
    }
    with dask.config.set(variables), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # another port for the dashboard
        try:
            cluster = _started(distributed, workers)
        except ImportError as error:
            raise UserError(INSTALL) from error
        except (OSError, RuntimeError) as error:
            raise UserError(f"No worker can be started here ({error}).") from error
    try:
        with distributed.Client(cluster, set_as_default=False) as client:
            client.register_plugin(DeafToKeyboard())
            yield client
    finally:
        with suppress(TimeoutError):  # a worker that just died is being started; it ends with us
            cluster.close(timeout=CONNECT_WITHIN)


def worker_count(asked: int | None, jobs: int) -> int:
    """How many processes of its own a batch starts: one per GPU or two cores, or as asked."""
    if asked is None:
        asked = gpu_count() or max(1, core_count() // CORES_PER_WORKER)
    return max(1, min(asked, jobs))


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu_count() -> int:
    """The NVIDIA GPUs that torch sees."""
    import torch

    return torch.cuda.device_count()


def _dask() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise UserError(INSTALL) from error
    return distributed


def _started(distributed: Any, workers: int) -> Any:
    """A cluster; started anew where one of its processes died before it was there."""
    for _ in range(START_TRIES - 1):
        try:
            return _start(distributed, workers)
        except RuntimeError:
            continue
    return _start(distributed, workers)


def _start(distributed: Any, workers: int) -> Any:
    """The scheduler in this process, and each worker in one of its own, with its own GPU."""
    security = distributed.Security.temporary()
    shared = {"host": "127.0.0.1", "protocol": "tls://", "security": security}
    gpus = gpu_count()
    options = {
        "nthreads": 1,
        "memory_limit": 0,
        "dashboard": False,
        "silence_logs": logging.CRITICAL,
    }
    specs = {
        n: {
            "cls": distributed.Nanny,
            "options": shared
            | options
            | {"env": {"CUDA_VISIBLE_DEVICES": str(n % gpus)} if gpus else {}},
        }
        for n in range(workers)
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": shared | {"dashboard": True, "dashboard_address": "127.0.0.1:8787"},
    }
    return distributed.SpecCluster(
        specs, scheduler, security=security, silence_logs=logging.CRITICAL, name="sa3d"
    )
