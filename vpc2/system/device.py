"""Which device of this machine computes: augmentation, training and answers ask here."""

from __future__ import annotations


def pick_device() -> str:
    """Return "cuda", "mps" or "cpu": the fastest available."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
