"""A net as PyTorch code that runs: readable enough to hand in."""

from __future__ import annotations

from typing import Any

from vpc2.nets.layers import LAYERS
from vpc2.nets.shapes import LayerFacts, summarise
from vpc2.nets.spec import Layer, Net

# torch's own defaults, so that the code says only what differs.
_DEFAULTS: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "ceil_mode": False, "affine": True}
_POSITIONAL = ("in_channels", "num_features", "in_features", "out_channels", "out_features", "output_size", "size")


def to_code(net: Net) -> str:
    """Return a script that builds the net as `net`, an `nn.Sequential`, and prints the shape of its answer.

    Where a layer does not fit, the code ends before it and says why in a comment.
    """
    summary = summarise(net)
    lines = [_line(layer, facts) for layer, facts in zip(net.layers, summary.layers, strict=True) if facts.output is not None]
    if summary.problem is not None:
        lines.append(f"    # {summary.problem.text.en}")
    channels, height, width = net.input
    size = f"1, {channels}, {height}, {width}"
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "",
            f"# {_comment(net.name)}{summary.params:,} parameters, {summary.macs:,} multiply-adds for a picture of {height} "
            f"x {width} x {channels}.",
            "net = nn.Sequential(",
            *lines,
            ")",
            "",
            f"images = torch.zeros({size})",
            "print(net.eval()(images).shape)",
            "",
        ]
    )


def _comment(name: str) -> str:
    kept = "".join(c for c in name if c.isprintable())
    return f"{kept}: " if kept else ""


def _line(layer: Layer, facts: LayerFacts) -> str:
    shape = " x ".join(str(n) for n in (*facts.output[1:], facts.output[0]))
    return f"    {_calls(layer, facts)},  # {facts.name}: {shape}"


def _calls(layer: Layer, facts: LayerFacts) -> str:
    if layer.kind == "GlobalAvgPool":
        return "nn.AdaptiveAvgPool2d(1), nn.Flatten()"
    entry = LAYERS[layer.kind]
    target = entry.flat_target if entry.flat_target and len(facts.input) == 1 else entry.target
    given = {**({entry.inner: facts.input[0]} if entry.inner else {}), **dict(entry.fixed), **layer.params}
    said = []
    for key, value in given.items():
        if key == "kernel_size" and "out_channels" in given or key in _POSITIONAL or (key == "kernel_size" and not said):
            said.append(str(value))
        # Pooling's stride is its kernel where torch is not told otherwise.
        elif value != (given["kernel_size"] if key == "stride" and entry.family == "pooling" else _DEFAULTS.get(key)):
            said.append(f"{key}={value!r}")
    return f"nn.{target.rpartition('.')[2]}({', '.join(said)})"
