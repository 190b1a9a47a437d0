"""The torch modules of the blocks. Exported code contains the source of those that it uses."""

import torch
from torch import nn


class GlobalAvgPool(nn.Module):
    """The mean of each channel: (B, C, H, W) to (B, C)."""

    def forward(self, images):
        return images.mean(dim=(2, 3))


class Residual(nn.Module):
    """Residual block: activation(body(x) + shortcut(x)); the shortcut is the identity unless the shapes differ."""

    def __init__(self, body, shortcut=None, activation=None):
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x):
        return self.activation(self.body(x) + self.shortcut(x))


class Parallel(nn.Module):
    """Branches applied to the same input; their outputs are concatenated along the channels."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation: every channel is multiplied by a weight in [0, 1] that the gate computes from the means of all channels."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate

    def forward(self, x):
        return x * self.gate(x)
