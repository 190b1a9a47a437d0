"""`build_net`: builds the torch module of a net."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import torch
from torch import nn

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import BYTES
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.nets.summary.summarise import copies_of, summarise
from vpc2.system.host import LIMITS, MB
from vpc2.text import Refusal, Text

MAX_BYTES = 2048 * MB

_TOO_LARGE = Text(
    "This net has {params:,} parameters, which would take {found:,} MB; at most {most:,} MB are built here. It can still be looked at."
)
_TOO_LONG = Text("This net has {count:,} layers; at most {most:,} are built here. It can still be looked at.")


def build_net(net: Net, *, device: str | None = None) -> nn.Sequential:
    """Return the net as a module whose children are named by the layers' ids, with weights from torch's own initialisation.

    Sizes are computed first, so a net that is too large is refused before anything is allocated. Raises `Refusal` for a net
    that does not fit. `device="meta"` builds shapes only.
    """
    summary = summarise(net)
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    if summary.count > LIMITS.built_layers:
        raise Refusal(_TOO_LONG.fill(count=summary.count, most=LIMITS.built_layers))
    if summary.params * BYTES > MAX_BYTES and device != "meta":
        raise Refusal(_TOO_LARGE.fill(params=summary.params, found=summary.params * BYTES // MB, most=MAX_BYTES // MB))
    with torch.device(device or "cpu"):
        return _sequential(summary.layers)


def _sequential(layers: Sequence[LayerFacts]) -> nn.Sequential:
    modules = nn.Sequential()
    for facts in layers:
        modules.add_module(module_name(facts.id), _build(facts))
    return modules


def _build(facts: LayerFacts) -> nn.Module:
    entry, params = LAYERS[facts.kind], facts.layer.params
    if entry.block is None:
        assert facts.input is not None
        module, _, name = entry.target_for(facts.input).rpartition(".")
        return getattr(importlib.import_module(module), name)(**entry.arguments(params, facts.input))
    if entry.block.is_chain:
        return nn.Sequential(*(_sequential(copy) for copy, count in copies_of(facts) for _ in range(count)))
    branches = [_sequential(branch) for branch in facts.built_branches]
    return entry.resolve()(*branches, **{key: getattr(nn, name)() for key, name in entry.block.extras(params).items()})


def module_name(layer_id: str) -> str:
    """Return the name of a layer's module: its id, with "_" appended where `nn.Module` has an attribute of that name ("train", "to")."""
    layer_id = layer_id.replace(".", "_")
    return f"{layer_id}_" if hasattr(nn.Sequential, layer_id) or layer_id == "training" else layer_id
