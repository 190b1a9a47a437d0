"""What a ready net is, and the short words that the tables of ready nets are written in. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vpc2.catalog import Entry
from vpc2.nets.spec import Item, Net, make_net

Made = tuple[str, tuple[int, int, int], list[Item]]


@dataclass(frozen=True, kw_only=True)
class NetPreset(Entry):
    """A net with the words that introduce it; `make` gives its name, input and layers, and runs when the net is first asked for."""

    make: Callable[[], Made]

    @cached_property
    def net(self) -> Net:
        name, shape, items = self.make()
        return make_net(name, shape, *items)


def conv(out: int, kernel: int, **params: Any) -> Item:
    return "Conv2d", {"out_channels": out, "kernel_size": kernel, **params}


def max_pool(kernel: int, stride: int, **params: Any) -> Item:
    return "MaxPool2d", {"kernel_size": kernel, "stride": stride, **params}


def dense(out: int) -> Item:
    return "Linear", {"out_features": out}


def normed(out: int, kernel: int, activation: str = "ReLU", **params: Any) -> list[Item]:
    """Return a convolution that keeps its sides at stride 1, batch normalisation and an activation ("": none)."""
    layers = [conv(out, kernel, padding=kernel // 2, bias=False, **params), "BatchNorm2d"]
    return [*layers, activation] if activation else layers


def residual(*body: Item, **params: Any) -> Item:
    return "Residual", params, [list(body)]
