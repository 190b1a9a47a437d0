"""Seeding torch: the only module that does it.

Streamlit serves visitors as threads of one process and Kornia samples from torch's global generator: without a lock, seeded draws of two
visitors would mix. So a draw takes three steps: under the lock, seed and sample the parameters; restore the generator; then apply the
parameters outside the lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator

_LOCK = threading.Lock()


def seed_of(*parts: object) -> int:
    """Return a seed in [0, 2**63) that depends on every part and on nothing else (not on the process)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextlib.contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Seed torch's CPU generator inside the block, under the lock, and restore its state afterwards."""
    import torch

    with _LOCK, torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield


@contextlib.contextmanager
def training(seed: int) -> Iterator[None]:
    """Seed torch's generators (of every device) for a training run, and restore the CPU's afterwards.

    For a process that does nothing but training: no lock is held, so that batches can be sampled inside.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
