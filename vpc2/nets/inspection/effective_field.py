"""The effective receptive field: which pixels really move a unit, by gradients (Luo and others, 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vpc2.nets.inspection.activations import prepare_prefix, run_prefix
from vpc2.nets.module import build_net
from vpc2.nets.spec import Net
from vpc2.nets.summary.receptive_field import Rectangle
from vpc2.rng import drawing, seed_of

MOST_RUNS = 20  # as many as Luo and others averaged
LEAST_RUNS = 2
MACS_OF_ALL_RUNS = 4 * 10**9  # larger nets are asked fewer times
MOST_OF_IT = 0.95


@dataclass(frozen=True)
class Effective:
    """What really reaches a unit: `energy` (H, W) of its gradient at each pixel, which sums to 1, averaged over `runs` draws.

    Where every gradient was zero, `energy` is zero everywhere.
    """

    energy: np.ndarray
    runs: int

    @property
    def is_dead(self) -> bool:
        return not self.energy.any()

    @property
    def heat(self) -> np.ndarray:
        """The gradient's size at each pixel (the root of its energy), the largest made 1."""
        size = np.sqrt(self.energy)
        return size / size.max() if size.any() else size

    @property
    def holding_most(self) -> int:
        """The fewest pixels that together hold 95 % of the energy."""
        ordered = np.sort(self.energy, axis=None)[::-1].cumsum()
        return 0 if self.is_dead else int(np.searchsorted(ordered, MOST_OF_IT * ordered[-1])) + 1

    def share_inside(self, field: Rectangle) -> float:
        """Return the share of the energy inside a rectangle."""
        inside = field.clipped(*self.energy.shape)
        return float(self.energy[inside.top : inside.bottom, inside.left : inside.right].sum())


def effective_field(net: Net, layer_id: str, unit: tuple[int, int], *, seed: int = 0) -> Effective:
    """Return how much each input pixel moves the unit at (row, column), as Luo and others measured it (NIPS 2016, arXiv:1701.04128).

    Each run draws fresh weights and a picture of noise, and takes the gradient of a random mix of the unit's channels (their plain
    sum is constant behind a softmax); its squares are summed over the colours and made to sum to 1, then the runs are averaged.
    Raises `Refusal` for a net that does not fit or is too large.
    """
    prefix, summary = prepare_prefix(net, layer_id)
    runs = int(min(max(MACS_OF_ALL_RUNS // max(summary.macs, 1), LEAST_RUNS), MOST_RUNS))
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
    return Effective(energy / energy.sum() if energy.any() else energy, runs)
