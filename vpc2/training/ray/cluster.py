"""Joining a Ray cluster: only here is ray imported, and only where the host names one."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from vpc2 import privacy
from vpc2.text import Refusal, Text
from vpc2.training.queue.factory import RAY_ADDRESS

CPUS = "VPC2_RAY_CPUS"
NAMESPACE = "vpc2"
PACKAGE = Path(__file__).parents[2]
PROBE_S = 3.0

_NO_RAY = Text(
    "This host trains on a Ray cluster, but the package ray is not installed: nothing can be trained now. Whoever runs the host can "
    "install ray[default], or unset {variable}."
)
NOT_REACHED = Text("The Ray cluster of this host does not answer: nothing can be trained now. Everything else works; try again later.")


def join(address: str) -> ModuleType:
    """Join the cluster and return ray; this package travels there. Raises `Refusal` where ray is not installed or does not get in."""
    # A cluster that goes away for a while must not take this server along, which ray ends after a minute.
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(10**6))
    try:
        ray = importlib.import_module("ray")
    except ImportError:
        raise Refusal(_NO_RAY.fill(variable=RAY_ADDRESS)) from None
    threads = {"OMP_NUM_THREADS": str(max(int(cpus_of_a_run()), 1)), "OMP_WAIT_POLICY": "PASSIVE"}
    surroundings = {
        "py_modules": [str(PACKAGE)],
        "excludes": ["__pycache__"],
        "env_vars": {**privacy.NO_REPORTS, **privacy.NO_FETCHING, **threads},
    }
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            runtime_env=surroundings,
            log_to_driver=False,
            logging_level=logging.WARNING,
            ignore_reinit_error=True,
        )
    except (ConnectionError, RuntimeError, ValueError):
        raise Refusal(NOT_REACHED) from None
    return ray


def cpus_of_a_run() -> float:
    """Return how many cores a run asks for: `VPC2_RAY_CPUS`, or 1."""
    try:
        return max(float(os.environ.get(CPUS, "1")), 0.01)
    except ValueError:
        return 1.0


def is_reached(address: str) -> bool:
    """True unless an address with a port is one where nobody answers: ray itself would wait for minutes."""
    found = urlsplit(address if "//" in address else f"ray://{address}")
    try:
        if found.hostname is None or found.port is None:
            return True
        with socket.create_connection((found.hostname, found.port), PROBE_S):
            return True
    except (OSError, ValueError):
        return False
