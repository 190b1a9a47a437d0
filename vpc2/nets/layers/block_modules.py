"""The blocks as torch modules. The exported code carries the classes that it uses."""

import torch
from torch import nn


class GlobalAvgPool(nn.Module):
    """The mean of each channel: (B, C, H, W) to (B, C)."""

    def forward(self, images):
        return images.mean(dim=(2, 3))


class Residual(nn.Module):
    """What comes in, through the shortcut where shapes differ, is added to what the body makes of it."""

    def __init__(self, body, shortcut=None, activation=None):
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x):
        return self.activation(self.body(x) + self.shortcut(x))


class Parallel(nn.Module):
    """Branches that look at the same input; their channels are laid side by side."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class SqueezeExcite(nn.Module):
    """Every channel is multiplied by a weight in [0, 1] that the gate finds from the means of all."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate

    def forward(self, x):
        return x * self.gate(x)
