"""The only place that seeds torch.

Streamlit serves visitors as threads of one process and Kornia draws from torch's one global generator: without a
lock, "seeded" draws of two visitors mix. So a draw is made in three moves: under the lock, seed and sample the
parameters; give the generator back as it was; then apply the parameters outside.
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
    """Seed torch's CPU generator inside the block, alone, and leave it afterwards as it was found."""
    import torch

    with _LOCK, torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield


@contextlib.contextmanager
def training(seed: int) -> Iterator[None]:
    """Seed torch's generators (every device's) for a whole training run, and leave the CPU's as it was found.

    For a process that trains and does nothing else: no lock is held, so that batches can be drawn inside.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
