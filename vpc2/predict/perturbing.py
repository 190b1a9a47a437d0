"""Small changes along the gradient, of whatever answers in logits: what attacks and adversarial training are made of.

Images are in [0, 1], before normalisation; a change never leaves epsilon or [0, 1]. Nothing is drawn from torch's global generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from vpc2.predict.attack_kinds import ATTACKS, STEP_SHARE
from vpc2.rng import seed_of

ROUNDING = 2.0**-25  # at most, of one value: half of what the last bit of a float32 just below 1 is worth

Asked = Callable[[torch.Tensor], torch.Tensor]


def perturb(
    asked: Asked,
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str,
    epsilon: float,
    *,
    is_targeted: bool = False,
    seed: int | None = 0,
    first: int = 0,
) -> torch.Tensor:
    """Return images (B, C, H, W) changed away from `labels` (B,) or (B, K), or towards them where `is_targeted`.

    `asked` turns images into logits (B, K). By a key of ATTACKS; `epsilon` bounds the change in the attack's norm. With several
    steps the start of picture number `first` + i is drawn within epsilon from `seed`, or is the picture itself for None.
    """
    entry = ATTACKS.find(kind)
    if epsilon <= 0:
        return images.clone()
    sign, adversarial = (-1.0 if is_targeted else 1.0), images.clone()
    if seed is not None and entry.steps > 1:
        adversarial = _bound(images + _start(images, entry.norm, epsilon, seed, first), images, entry.norm, epsilon)
    size = epsilon if entry.steps == 1 else STEP_SHARE * epsilon / entry.steps
    for _step in range(entry.steps):
        gradient = loss_gradient(asked, adversarial, labels)
        if entry.norm == "linf":
            move = gradient.sign()
        else:
            move = gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        adversarial = _bound(adversarial + sign * size * move, images, entry.norm, epsilon)
    return adversarial


def loss_gradient(asked: Asked, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the cross-entropy by the images, (B, C, H, W); the weights keep no gradient."""
    with torch.enable_grad():
        given = images.detach().requires_grad_()
        loss = F.cross_entropy(asked(given), labels, reduction="sum")
        return torch.autograd.grad(loss, given)[0]


def _start(images: torch.Tensor, norm: str, epsilon: float, seed: int, first: int) -> torch.Tensor:
    """Return changes drawn within epsilon: even in the cube, or in a random direction by a random share of the length.

    Each picture has a generator of its own, so that what it gets does not depend on the batch it comes in.
    """
    changes, shape = [], images.shape[1:]
    for i in range(len(images)):
        generator = torch.Generator().manual_seed(seed_of(seed, first + i))
        if norm == "linf":
            changes.append(epsilon * (2 * torch.rand(shape, generator=generator) - 1))
        else:
            way = torch.randn(shape, generator=generator)
            changes.append(way / way.norm() * epsilon * torch.rand((), generator=generator))
    return torch.stack(changes).to(images)


def _bound(adversarial: torch.Tensor, images: torch.Tensor, norm: str, epsilon: float) -> torch.Tensor:
    """Return the nearest images within epsilon of `images` and within [0, 1], rounded to the inside."""
    if norm == "linf":
        exact = images.double()
        low, high = (exact - epsilon).clamp(0, 1), (exact + epsilon).clamp(0, 1)
        return adversarial.clamp(_rounded(low, up=True), _rounded(high, up=False))
    change = (adversarial - images).double()
    length = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    # A hair less than epsilon: adding the change to a float32 picture rounds every value once more; clamping only shortens it.
    inside = max(epsilon * (1 - 1e-5) - ROUNDING * math.sqrt(images[0].numel()), 0.0)
    shrunk = change * (inside / length.clamp_min(1e-12)).clamp(max=1)
    return (images.double() + shrunk).float().clamp(0, 1)


def _rounded(bound: torch.Tensor, *, up: bool) -> torch.Tensor:
    """Return a bound, float64, as the nearest float32 on its inner side."""
    single = bound.float()
    wrong = single.double() < bound if up else single.double() > bound
    return torch.where(wrong, torch.nextafter(single, torch.full_like(single, 2.0 if up else -1.0)), single)
