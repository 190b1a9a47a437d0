"""Connecting to a Ray cluster. Ray is imported only here, and only if the host configures a cluster."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from types import ModuleType
from urllib.parse import urlsplit

from vpc2.bundled_files import PACKAGE
from vpc2.system import privacy
from vpc2.text import Refusal, Text
from vpc2.training.queue.base import RAY_ADDRESS

CPUS = "VPC2_RAY_CPUS"
NAMESPACE = "vpc2"
PROBE_S = 3.0

_NO_RAY = Text(
    "This host trains on a Ray cluster, but the package ray is not installed: nothing can be trained now. Whoever runs the host can "
    "install ray[default], or unset {variable}."
)
NOT_REACHED = Text("The Ray cluster of this host does not answer: nothing can be trained now. Everything else works; try again later.")


def connect(address: str) -> ModuleType:
    """Connect to the cluster and return the ray module; the source of this package is uploaded to it.

    Raises `Refusal` if ray is not installed or cannot connect.
    """
    # By default ray ends this process when the cluster has been unreachable for a minute; the server must survive that.
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(10**6))
    try:
        ray = importlib.import_module("ray")
    except ImportError:
        raise Refusal(_NO_RAY.fill(variable=RAY_ADDRESS)) from None
    threads = {"OMP_NUM_THREADS": str(max(int(cpus_of_a_run()), 1)), "OMP_WAIT_POLICY": "PASSIVE"}
    runtime_environment = {
        "py_modules": [str(PACKAGE)],
        "excludes": ["__pycache__"],
        "env_vars": {**privacy.NO_REPORTS, **privacy.NO_FETCHING, **threads},
    }
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            runtime_env=runtime_environment,
            log_to_driver=False,
            logging_level=logging.WARNING,
            ignore_reinit_error=True,
        )
    except (ConnectionError, RuntimeError, ValueError):
        raise Refusal(NOT_REACHED) from None
    return ray


def cpus_of_a_run() -> float:
    """Return the number of cores a run requests: `VPC2_RAY_CPUS`, or 1."""
    try:
        return max(float(os.environ.get(CPUS, "1")), 0.01)
    except ValueError:
        return 1.0


def is_reachable(address: str) -> bool:
    """False if the address has a port that accepts no connection: ray itself would wait for minutes."""
    url = urlsplit(address if "//" in address else f"ray://{address}")
    try:
        if url.hostname is None or url.port is None:
            return True
        with socket.create_connection((url.hostname, url.port), PROBE_S):
            return True
    except (OSError, ValueError):
        return False
