"""Gradient steps on images, shared by attacks and adversarial training (FGSM, PGD).

Images are in [0, 1], before normalisation; a perturbation never leaves epsilon or [0, 1]. Nothing is drawn from torch's global generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from vpc2.predict.adversarial.catalog import ATTACKS, STEP_SHARE
from vpc2.rng import seed_of

MIN_GRADIENT = 1e-9  # gradient magnitude below which the margin's gradient is used instead
ROUNDING = 2.0**-25  # largest rounding error of one value: half the last bit of a float32 just below 1

Model = Callable[[torch.Tensor], torch.Tensor]
Gradient = Callable[[Model, torch.Tensor, torch.Tensor], torch.Tensor]


def perturb(
    model: Model,
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str,
    epsilon: float,
    *,
    is_targeted: bool = False,
    seed: int | None = 0,
    first: int = 0,
    gradient_of: Gradient | None = None,
) -> torch.Tensor:
    """Return images (B, C, H, W) changed away from `labels` (B,) or (B, K), or towards them where `is_targeted`.

    `model` maps images to logits (B, K), `kind` is a key of ATTACKS, `epsilon` bounds the perturbation in the attack's norm. With several
    steps, image number `first` + i starts at a point drawn within epsilon from `seed`, or at the image itself where `seed` is None. The
    steps follow `gradient_of`, `loss_gradient` by default.
    """
    entry = ATTACKS.find(kind)
    if epsilon <= 0:
        return images.clone()
    options = {"is_targeted": is_targeted, "seed": seed, "first": first, "gradient_of": gradient_of}
    return entry.resolve()(model, images, labels, entry.norm, entry.steps, epsilon, **options)


def follow_gradient(
    model: Model,
    images: torch.Tensor,
    labels: torch.Tensor,
    norm: str,
    steps: int,
    epsilon: float,
    *,
    is_targeted: bool = False,
    seed: int | None = 0,
    first: int = 0,
    gradient_of: Gradient | None = None,
) -> torch.Tensor:
    """Return images (B, C, H, W) after `steps` gradient steps, within `epsilon` in `norm`: "linf" or "l2"."""
    gradient_of = gradient_of or loss_gradient
    sign, adversarial = (-1.0 if is_targeted else 1.0), images.clone()
    if seed is not None and steps > 1:
        adversarial = _bound(images + _start(images, norm, epsilon, seed, first), images, norm, epsilon)
    size = epsilon if steps == 1 else STEP_SHARE * epsilon / steps
    for _step in range(steps):
        gradient = gradient_of(model, adversarial, labels)
        if norm == "linf":
            move = gradient.sign()
        else:
            move = gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        adversarial = _bound(adversarial + sign * size * move, images, norm, epsilon)
    return adversarial


def loss_gradient(model: Model, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the cross-entropy with respect to the images, (B, C, H, W); the weights collect no gradient."""
    with torch.enable_grad():
        inputs = images.detach().requires_grad_()
        loss = F.cross_entropy(model(inputs), labels, reduction="sum")
        return torch.autograd.grad(loss, inputs)[0]


class MarginGradient:
    """The direction of `loss_gradient` for labels (B,), also where the net is so confident that the loss rounds to zero.

    The cross-entropy is log(1 + exp(m)) of the margin m = logsumexp(other logits) - logit of the label, so its gradient is the gradient of
    m, scaled by sigmoid(m). In float32, above a logit difference of about 17 part of it is lost, above about 90 all of it, and an attack
    stops (Carlini and Wagner, 2016; Croce and Hein, 2020). There the gradient of m itself is used, which has the same direction. Elsewhere
    the result is bit for bit that of `loss_gradient`. `is_blind` (B,) marks the images whose gradient has been zero in every call so far.
    """

    def __init__(self) -> None:
        self.is_blind: torch.Tensor | None = None

    def __call__(self, model: Model, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            inputs = images.detach().requires_grad_()
            losses = F.cross_entropy(model(inputs), labels, reduction="none")
            gradient = torch.autograd.grad(losses.sum(), inputs)[0]
            is_saturated = (losses == 0) | (_size(gradient) < MIN_GRADIENT)
            if is_saturated.any():
                inputs = images[is_saturated].detach().requires_grad_()
                margin_gradient = torch.autograd.grad(margins(model(inputs), labels[is_saturated]).sum(), inputs)[0]
                # Scaled up, so that also a tiny gradient keeps its direction when it is divided by its clamped length.
                size = _size(margin_gradient).clamp_min(torch.finfo(margin_gradient.dtype).tiny)
                gradient[is_saturated] = margin_gradient / size.view(-1, 1, 1, 1)
        is_zero = ~gradient.flatten(1).any(1)
        self.is_blind = is_zero if self.is_blind is None else self.is_blind & is_zero
        return gradient


def margins(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the log-odds (B,) against labels (B,): logsumexp of the other logits (B, K) minus the logit of the label."""
    is_label = F.one_hot(labels, logits.shape[1]).bool()
    return logits.masked_fill(is_label, -math.inf).logsumexp(1) - logits[is_label]


def _size(gradient: torch.Tensor) -> torch.Tensor:
    """Return the largest absolute value of each image's gradient, (B,)."""
    return gradient.abs().flatten(1).amax(1)


def _start(images: torch.Tensor, norm: str, epsilon: float, seed: int, first: int) -> torch.Tensor:
    """Return random perturbations within epsilon: uniform in the cube, or in a random direction with a random share of the length.

    Each image has its own generator, so that its start does not depend on its batch.
    """
    changes, shape = [], images.shape[1:]
    for i in range(len(images)):
        generator = torch.Generator().manual_seed(seed_of(seed, first + i))
        if norm == "linf":
            changes.append(epsilon * (2 * torch.rand(shape, generator=generator) - 1))
        else:
            direction = torch.randn(shape, generator=generator)
            changes.append(direction / direction.norm() * epsilon * torch.rand((), generator=generator))
    return torch.stack(changes).to(images)


def _bound(adversarial: torch.Tensor, images: torch.Tensor, norm: str, epsilon: float) -> torch.Tensor:
    """Return the nearest images within epsilon of `images` and within [0, 1], rounded to the inside."""
    if norm == "linf":
        exact = images.double()
        low, high = (exact - epsilon).clamp(0, 1), (exact + epsilon).clamp(0, 1)
        return adversarial.clamp(_rounded(low, up=True), _rounded(high, up=False))
    change = (adversarial - images).double()
    length = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    # Slightly less than epsilon: adding the perturbation to a float32 image rounds every value again; clamping only shortens it.
    inside = max(epsilon * (1 - 1e-5) - ROUNDING * math.sqrt(images[0].numel()), 0.0)
    shrunk = change * (inside / length.clamp_min(1e-12)).clamp(max=1)
    return (images.double() + shrunk).float().clamp(0, 1)


def _rounded(bound: torch.Tensor, *, up: bool) -> torch.Tensor:
    """Return a bound, float64, as the nearest float32 on its inner side."""
    single = bound.float()
    is_outside = single.double() < bound if up else single.double() > bound
    return torch.where(is_outside, torch.nextafter(single, torch.full_like(single, 2.0 if up else -1.0)), single)
