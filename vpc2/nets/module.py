"""From a net to the torch module it stands for."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn

from vpc2.host import MB
from vpc2.nets.layers import LAYERS
from vpc2.nets.shapes import BYTES, LayerFacts, summarise
from vpc2.nets.spec import Layer, Net
from vpc2.words import Refusal, Text

LARGEST_BYTES = 2048 * MB

_TOO_LARGE = Text(
    "This net's parameters would take {found:,} MB; at most {most:,} MB are built here. It can still be looked at.",
    "Los parámetros de esta red ocuparían {found:,} MB; acá se construyen como máximo {most:,} MB. Igual se puede mirar.",
)


class GlobalAvgPool(nn.Module):
    """The mean of each channel: (B, C, H, W) to (B, C)."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


def build_net(net: Net, *, device: str | None = None) -> nn.Sequential:
    """Return the net as a module whose children carry the layers' ids, weights fresh from torch's own initialisation.

    Sizes are counted first, so a net that is too large is refused before anything is allocated. Raises `Refusal`
    for a net that does not fit. `device="meta"` builds shapes only.
    """
    summary = summarise(net)
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    if summary.params * BYTES > LARGEST_BYTES and device != "meta":
        raise Refusal(_TOO_LARGE.fill(found=summary.params * BYTES // MB, most=LARGEST_BYTES // MB))
    modules = nn.Sequential()
    with torch.device(device or "cpu"):
        for layer, facts in zip(net.layers, summary.layers, strict=True):
            modules.add_module(module_name(layer.id), _class(layer, facts)(**arguments(layer, facts)))
    return modules


def module_name(layer_id: str) -> str:
    """Return the name of a layer's module: its id, but not where `nn.Module` itself has something of that name ("train", "to")."""
    return f"{layer_id}_" if hasattr(nn.Sequential, layer_id) or layer_id == "training" else layer_id


def _class(layer: Layer, facts: LayerFacts) -> type[nn.Module]:
    entry = LAYERS[layer.kind]
    target = entry.flat_target if entry.flat_target and len(facts.input) == 1 else entry.target
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def arguments(layer: Layer, facts: LayerFacts) -> dict[str, Any]:
    """Return the arguments of a layer's torch class: what follows from the shape that comes in, then the knobs."""
    entry = LAYERS[layer.kind]
    inner = {entry.inner: facts.input[0]} if entry.inner else {}
    return {**inner, **dict(entry.fixed), **layer.params}
