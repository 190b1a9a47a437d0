"""The effective receptive field: how much each pixel influences a unit, by gradients (Luo and others, 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vpc2.nets.inspection.activations import prepare_prefix, run_prefix
from vpc2.nets.module import build_net
from vpc2.nets.spec import Net
from vpc2.nets.summary.receptive_field import Rectangle
from vpc2.rng import drawing, seed_of

MAX_RUNS = 20  # as many as Luo and others averaged
MIN_RUNS = 2
MACS_OF_ALL_RUNS = 4 * 10**9  # larger nets get fewer runs
ENERGY_SHARE = 0.95


@dataclass(frozen=True)
class EffectiveField:
    """The effective receptive field of a unit: `energy` (H, W), the squared gradient at each pixel, averaged over `runs`; its sum is 1.

    Where every gradient was zero, `energy` is zero everywhere.
    """

    energy: np.ndarray
    runs: int

    @property
    def is_dead(self) -> bool:
        return not self.energy.any()

    @property
    def heat(self) -> np.ndarray:
        """The magnitude of the gradient at each pixel (the root of its energy), scaled to a maximum of 1."""
        size = np.sqrt(self.energy)
        return size / size.max() if size.any() else size

    @property
    def energy_pixels(self) -> int:
        """The smallest number of pixels that together have 95 % of the energy."""
        ordered = np.sort(self.energy, axis=None)[::-1].cumsum()
        return 0 if self.is_dead else int(np.searchsorted(ordered, ENERGY_SHARE * ordered[-1])) + 1

    def share_inside(self, field: Rectangle) -> float:
        """Return the share of the energy inside a rectangle."""
        inside = field.clipped(*self.energy.shape)
        return float(self.energy[inside.top : inside.bottom, inside.left : inside.right].sum())


def effective_field(net: Net, layer_id: str, unit: tuple[int, int], *, seed: int = 0) -> EffectiveField:
    """Return the influence of each input pixel on the unit at (row, column), as Luo and others measured it (NIPS 2016, arXiv:1701.04128).

    Each run draws new weights and an image of noise, and takes the gradient of a random combination of the unit's channels (their
    plain sum is constant behind a softmax); its squares are summed over the colours and scaled to the sum 1, then the runs are
    averaged. Raises `Refusal` for a net that does not fit or is too large.
    """
    prefix, summary = prepare_prefix(net, layer_id)
    runs = int(min(max(MACS_OF_ALL_RUNS // max(summary.macs, 1), MIN_RUNS), MAX_RUNS))
    shape = summary.facts(layer_id).output
    assert shape is not None
    energy = np.zeros(net.input[1:])
    for run in range(runs):
        with drawing(seed_of("effective field", seed, run)):
            module = build_net(prefix).eval().requires_grad_(False)
            images = torch.randn(1, *net.input).requires_grad_()
            mix = torch.randn(shape[0])
        out = run_prefix(module, summary.layers, layer_id, images).output
        values = out[:, unit[0], unit[1]] if out.dim() == 3 else out
        (gradient,) = torch.autograd.grad((values * mix).sum(), images)
        squares = gradient[0].double().square().sum(0).numpy()
        if squares.sum() > 0:
            energy += squares / squares.sum()
    return EffectiveField(energy / energy.sum() if energy.any() else energy, runs)
