"""Masking augmentations that the lecture shows and Kornia lacks, written like Kornia's classes. Exported code carries this file."""

import kornia.augmentation as K
import torch
from kornia.augmentation.random_generator import PlainUniformGenerator


class RandomGridMask(K.IntensityAugmentationBase2D):
    """Masks a regular grid of squares (Chen and others, "GridMask Data Augmentation", 2020, without its rotation).

    `unit` is the distance from one square to the next as a share of the shorter side, `ratio` the side of a square in units.
    """

    def __init__(self, unit=(0.15, 0.35), ratio=0.5, same_on_batch=False, p=0.5, keepdim=False):
        super().__init__(p=p, same_on_batch=same_on_batch, keepdim=keepdim)
        unit_range = (0.0, 1.0)
        self._param_generator = PlainUniformGenerator(
            (unit, "unit", None, None), (unit_range, "x", None, None), (unit_range, "y", None, None)
        )
        self.ratio = ratio

    def apply_transform(self, input, params, flags, transform=None):
        height, width = input.shape[-2:]
        unit = (params["unit"].to(input) * min(height, width)).clamp(min=2.0)
        side = self.ratio * unit

        def is_in(length, start):
            """Return which rows (or columns) lie within a square, (B, length)."""
            centres = torch.arange(length, device=input.device, dtype=input.dtype) + 0.5
            return (centres[None] + (start.to(input) * unit)[:, None]) % unit[:, None] < side[:, None]

        hidden = is_in(height, params["y"])[:, None, :, None] & is_in(width, params["x"])[:, None, None, :]
        return input.masked_fill(hidden, 0.0)


class RandomHideAndSeek(K.IntensityAugmentationBase2D):
    """Masks each tile of a grid at random (Kumar Singh and Lee, "Hide-and-Seek", 2017).

    `grid` is the number of tiles per side, `hide` the probability that a tile is masked.
    """

    def __init__(self, grid=4, hide=0.4, same_on_batch=False, p=0.5, keepdim=False):
        super().__init__(p=p, same_on_batch=same_on_batch, keepdim=keepdim)
        self._param_generator = PlainUniformGenerator(*(((0.0, 1.0), f"tile{i}", None, None) for i in range(grid * grid)))
        self.grid, self.hide = grid, hide

    def apply_transform(self, input, params, flags, transform=None):
        height, width = input.shape[-2:]
        values = torch.stack([params[f"tile{i}"] for i in range(self.grid**2)], dim=1).to(input)
        hidden = (values < self.hide).view(-1, self.grid, self.grid)
        rows = torch.arange(height, device=input.device) * self.grid // height
        columns = torch.arange(width, device=input.device) * self.grid // width
        return input.masked_fill(hidden[:, rows][:, :, columns][:, None], 0.0)
