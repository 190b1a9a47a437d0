"""Factory of the queue of runs: local, or on a Ray cluster if `VPC2_RAY_ADDRESS` is set."""

from __future__ import annotations

import os
from importlib import import_module

from vpc2.training.queue.base import RAY_ADDRESS, RunQueue
from vpc2.training.queue.local import LocalQueue
from vpc2.training.runs.store import RunStore


def make_queue(store: RunStore) -> RunQueue:
    """Return the queue that the environment selects. Raises `Refusal` for a Ray cluster that cannot be used."""
    address = os.environ.get(RAY_ADDRESS)
    if not address:
        return LocalQueue(store)
    # Imported by name: no static import from outside `training.ray`, and a server without a cluster never loads it.
    return import_module("vpc2.training.ray.queue").RayQueue(store, address)
