"""Activations of a net: feature maps of a layer for a photograph, and their conversion to images.

The weights are initialised from a seed, as the net is not trained yet. Only the layers up to the inspected one are built: the
receptive field of a convolution needs no dense head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import BYTES
from vpc2.nets.module import build_net
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.rng import drawing, seed_of
from vpc2.system.host import MB
from vpc2.text import Refusal, Text

MAX_MACS = 4 * 10**10  # VGG-19 takes half of it
MAX_PIXELS = 2048 * 2048
SEAM_PX = 4  # between the maps of a sheet
MAX_BYTES = 320 * MB  # weights and activations of one image

_NO_SUCH_LAYER = Text("This layer is no longer in the net; choose another one.")
_TOO_WIDE = Text("A picture of {height:,} × {width:,} pixels is too large to be shown here; choose a layer that gets a smaller one.")
_TOO_LARGE = Text(
    "Up to {name} this net would take {found:,} MB for one picture; at most {most:,} MB are taken to look inside. Choose a layer before it."
)
_TOO_SLOW = Text(
    "Up to {name} this net needs {found:,} million multiply-adds for one picture; at most {most:,} million are made to look inside. "
    "Choose a layer before it, or a smaller input."
)


@dataclass(frozen=True)
class LayerPass:
    """Input and output of one layer in a forward pass, (C, H, W) or (N,), and the layer's module."""

    input: torch.Tensor
    output: torch.Tensor
    module: nn.Module


@dataclass(frozen=True)
class FeatureMaps:
    """Feature maps as images: `maps` uint8 (n, H, W) from channel `first` on, and statistics of those channels.

    `low` and `high` are the values shown as black and white for each map, `mean` its mean, `zeros` its share of values that are
    exactly 0, `zeros_of_all` that of all `channels`.
    """

    maps: np.ndarray
    first: int
    channels: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    zeros: tuple[float, ...]
    zeros_of_all: float


def fit_photo(pixels: np.ndarray, shape: Sequence[int]) -> torch.Tensor:
    """Return uint8 (H, W, 3) pixels as the input (C, H, W) of a net: resized, grey where C is 1, in [0, 1].

    Raises `Refusal` for more than `MAX_PIXELS`.
    """
    channels, height, width = shape
    if height * width > MAX_PIXELS:
        raise Refusal(_TOO_WIDE.fill(height=height, width=width))
    image = Image.fromarray(pixels)
    if channels == 1:
        image = image.convert("L")
    sized = np.array(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    return torch.from_numpy(sized.reshape(height, width, channels)).permute(2, 0, 1).contiguous()


def prefix_of(net: Net, layer_id: str) -> Net:
    """Return the net up to and including a layer, or the outermost block around it. Raises `Refusal` where there is no such layer."""
    for i, facts in enumerate(summarise(net).layers):
        if any(inner.id == layer_id for inner in facts.walk()):
            return replace(net, layers=net.layers[: i + 1])
    raise Refusal(_NO_SUCH_LAYER)


def run_photo(net: Net, layer_id: str, image: torch.Tensor, *, seed: int = 0) -> LayerPass:
    """Return one layer's input and output in the forward pass of an image (C, H, W), with weights initialised from `seed`.

    The layer may be inside blocks; of a repeating block the first copy is taken. Raises `Refusal` as `effective_field` does.
    """
    prefix, summary = prepare_prefix(net, layer_id)
    with drawing(seed_of("looking", seed)):
        module = build_net(prefix).eval()
    with torch.inference_mode():
        return run_prefix(module, summary.layers, layer_id, image[None])


def to_feature_maps(output: torch.Tensor, *, first: int = 0, limit: int = 64, together: bool = False) -> FeatureMaps:
    """Return up to `limit` channels of an output from `first` on as images, each scaled to its own range, or all `together`.

    A vector becomes one map with its values in rows.
    """
    channels = output if output.dim() == 3 else _vector_map(output)
    selected = channels[first : first + limit]
    flat = selected.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    if together:
        low, high = low.min().expand_as(low), high.max().expand_as(high)
    scale = (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    maps = ((selected - low[:, None, None]) / scale[:, None, None]).clamp(0, 1).mul(255).round().byte().numpy()
    return FeatureMaps(
        maps,
        first,
        len(channels),
        low=_floats(low),
        high=_floats(high),
        mean=_floats(flat.mean(1)),
        zeros=_floats((flat == 0).float().mean(1)),
        zeros_of_all=float((output == 0).float().mean()),
    )


def _floats(values: torch.Tensor) -> tuple[float, ...]:
    return tuple(map(float, values))


def to_sheet(maps: np.ndarray, columns: int, side_px: int) -> np.ndarray:
    """Return maps (n, H, W) as a grid in one uint8 image (H, W), each about `side_px` on its longer side, with seams between them."""
    sized = [to_size(image, side_px) for image in maps]
    height, width = sized[0].shape
    rows = -(-len(sized) // columns)
    sheet = np.full((rows * (height + SEAM_PX) - SEAM_PX, columns * (width + SEAM_PX) - SEAM_PX), 128, dtype=np.uint8)
    for i, image in enumerate(sized):
        top, left = i // columns * (height + SEAM_PX), i % columns * (width + SEAM_PX)
        sheet[top : top + height, left : left + width] = image
    return sheet


def to_size(image: np.ndarray, side_px: int) -> np.ndarray:
    """Return a map (H, W) resized to about `side_px` on its longer side: enlarged by whole factors, so that its values stay squares."""
    longest = max(image.shape)
    if longest <= side_px:
        return image.repeat(side_px // longest, 0).repeat(side_px // longest, 1)
    size = (max(1, round(image.shape[1] * side_px / longest)), max(1, round(image.shape[0] * side_px / longest)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def to_grey(plane: torch.Tensor) -> np.ndarray:
    """Return a plane (H, W) as uint8, its lowest value black and its highest white."""
    low, high = plane.min(), plane.max()
    return ((plane - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)).mul(255).round().byte().numpy()


def to_heat(image: torch.Tensor, heat: np.ndarray) -> np.ndarray:
    """Return an image (C, H, W) in dimmed grey under a heat map (H, W) in [0, 1], from orange to nearly white, as uint8 (H, W, 3)."""
    grey = 90 * image.mean(0).numpy()[..., None] + 8
    glow = np.stack([np.full_like(heat, 255), 120 + 125 * heat, 10 + 190 * heat**2], axis=-1)
    return np.clip(grey * (1 - heat[..., None]) + glow * heat[..., None], 0, 255).round().astype(np.uint8)


def _vector_map(vector: torch.Tensor) -> torch.Tensor:
    """Return a vector (N,) as one map (1, H, W), nearly square; missing values at the end are its mean."""
    columns = int(np.ceil(np.sqrt(len(vector))))
    rows = -(-len(vector) // columns)
    filled = torch.cat([vector, vector.mean().expand(rows * columns - len(vector))])
    return filled.view(1, rows, columns)


def prepare_prefix(net: Net, layer_id: str) -> tuple[Net, Summary]:
    """Return the part of a net that must be built to inspect a layer, and its summary; raise `Refusal` where it is too large."""
    prefix = prefix_of(net, layer_id)
    summary = summarise(prefix)
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    name, bytes_ = summary.facts(layer_id).name, summary.params * BYTES + summary.activation_bytes
    if bytes_ > MAX_BYTES:
        raise Refusal(_TOO_LARGE.fill(name=name, found=bytes_ // MB, most=MAX_BYTES // MB))
    if summary.macs > MAX_MACS:
        raise Refusal(_TOO_SLOW.fill(name=name, found=summary.macs // 10**6, most=MAX_MACS // 10**6))
    return prefix, summary


def run_prefix(module: nn.Sequential, layers: Sequence[LayerFacts], layer_id: str, images: torch.Tensor) -> LayerPass:
    """Return the input and output of a layer in the forward pass of a batch of one image."""
    inspected = _find_module(module, layers, layer_id)
    assert inspected is not None
    captured: list[tuple[torch.Tensor, torch.Tensor]] = []
    handle = inspected.register_forward_hook(lambda module, inputs, output: captured.append((inputs[0][0], output[0])))
    module(images)
    handle.remove()
    return LayerPass(*captured[0], inspected)


def _find_module(modules: nn.Sequential, layers: Sequence[LayerFacts], layer_id: str) -> nn.Module | None:
    """Return the module of a layer, inside blocks too; modules are in the order of the facts they were built from."""
    for module, facts in zip(modules, layers, strict=True):
        if facts.id == layer_id:
            return module
        block = LAYERS[facts.kind].block
        if block is None:
            continue
        parts: Any = module if block.is_chain else getattr(module, "branches", module.children())
        for branch, inner in zip(parts, facts.built_branches, strict=False):
            if (inner_module := _find_module(branch, inner, layer_id)) is not None:
                return inner_module
    return None
