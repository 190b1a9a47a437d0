"""The queue that the environment names: this machine's, or a Ray cluster's (`VPC2_RAY_ADDRESS`)."""

from __future__ import annotations

import os
from importlib import import_module

from vpc2.training.queue.base import RunQueue
from vpc2.training.queue.local import LocalQueue
from vpc2.training.runs.store import RunStore

RAY_ADDRESS = "VPC2_RAY_ADDRESS"


def make_queue(store: RunStore) -> RunQueue:
    """Return the engine that the environment names. Raises `Refusal` for a Ray cluster that cannot be used."""
    address = os.environ.get(RAY_ADDRESS)
    if not address:
        return LocalQueue(store)
    # By name: nothing outside of `training.ray` imports it, and a server without a cluster never loads it.
    return import_module("vpc2.training.ray.queue").RayQueue(store, address)
