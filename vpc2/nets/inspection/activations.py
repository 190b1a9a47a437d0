"""Looking into a net: what really reaches a unit, and what a photograph becomes on its way through.

The weights are fresh ones drawn from a seed, as the net is built and not yet trained. Only the layers up to the one looked at
are built: the receptive field of a convolution needs no dense head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import nn

from vpc2.host import MB
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formulas import BYTES
from vpc2.nets.module import build_net
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.rng import drawing, seed_of
from vpc2.text import Refusal, Text

MOST_MACS = 4 * 10**10  # VGG-19 takes half of it
MOST_PIXELS = 2048 * 2048
LARGEST_BYTES = 320 * MB  # weights and activations of one picture

_NO_SUCH_LAYER = Text("This layer is no longer in the net; choose another one.")
_TOO_LARGE = Text(
    "Up to {name} this net would take {found:,} MB for one picture; at most {most:,} MB are taken to look inside. Choose a layer before it."
)
_TOO_SLOW = Text(
    "Up to {name} this net needs {found:,} million multiply-adds for one picture; at most {most:,} million are made to look inside. "
    "Choose a layer before it, or a smaller input."
)


@dataclass(frozen=True)
class Passage:
    """One layer while a photograph goes through: what came in and what went out, (C, H, W) or (N,), and the layer's own module."""

    input: torch.Tensor
    output: torch.Tensor
    module: nn.Module


@dataclass(frozen=True)
class Maps:
    """A layer's output as pictures: `maps` uint8 (n, H, W) from channel `first` on, and the numbers of those channels.

    `low` and `high` are the values shown as black and white, one pair a map; `zeros` the shares of values that are exactly 0.
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
    """Return uint8 (H, W, 3) pixels as a net of this input (C, H, W) gets them: stretched, grey where C is 1, in [0, 1].

    Raises `Refusal` where that is more than can be shown.
    """
    channels, height, width = shape
    if height * width > MOST_PIXELS:
        raise Refusal(_TOO_WIDE.fill(height=height, width=width))
    image = Image.fromarray(pixels)
    if channels == 1:
        image = image.convert("L")
    sized = np.array(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    return torch.from_numpy(sized.reshape(height, width, channels)).permute(2, 0, 1).contiguous()


def prefix_of(net: Net, layer_id: str) -> Net:
    """Return the net up to and including a layer, or the whole block that holds it. Raises `Refusal` where there is no such layer."""
    for i, facts in enumerate(summarise(net).layers):
        if any(inner.id == layer_id for inner in facts.walk()):
            return replace(net, layers=net.layers[: i + 1])
    raise Refusal(_NO_SUCH_LAYER)


def pass_photo(net: Net, layer_id: str, image: torch.Tensor, *, seed: int = 0) -> Passage:
    """Return one layer's input and output while an image (C, H, W) goes through the net with the weights of this seed.

    The layer may stand inside blocks; of a block that repeats, the first copy is looked at. Raises `Refusal` as `effective_field`.
    """
    prefix, summary = prepare_prefix(net, layer_id)
    with drawing(seed_of("looking", seed)):
        module = build_net(prefix).eval()
    with torch.inference_mode():
        return run_prefix(module, summary.layers, layer_id, image[None])


def to_maps(output: torch.Tensor, *, first: int = 0, most: int = 64, together: bool = False) -> Maps:
    """Return up to `most` channels of an output from `first` on as pictures, each scaled by itself, or all `together`.

    A vector becomes one map, its numbers laid out in rows.
    """
    whole = output if output.dim() == 3 else _in_rows(output)
    part = whole[first : first + most]
    flat = part.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    if together:
        low, high = low.min().expand_as(low), high.max().expand_as(high)
    scale = (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    maps = ((part - low[:, None, None]) / scale[:, None, None]).clamp(0, 1).mul(255).round().byte().numpy()
    return Maps(
        maps,
        first,
        len(whole),
        *(tuple(map(float, values)) for values in (low, high, flat.mean(1), (flat == 0).float().mean(1))),
        float((output == 0).float().mean()),
    )


def to_sheet(maps: np.ndarray, columns: int, side_px: int) -> np.ndarray:
    """Return maps (n, H, W) side by side as one uint8 picture (H, W), each about `side_px` on its longer side, with seams between."""
    sized = [to_size(one, side_px) for one in maps]
    height, width = sized[0].shape
    rows = -(-len(sized) // columns)
    sheet = np.full((rows * (height + SEAM_PX) - SEAM_PX, columns * (width + SEAM_PX) - SEAM_PX), 128, dtype=np.uint8)
    for i, one in enumerate(sized):
        top, left = i // columns * (height + SEAM_PX), i % columns * (width + SEAM_PX)
        sheet[top : top + height, left : left + width] = one
    return sheet


def to_size(one: np.ndarray, side_px: int) -> np.ndarray:
    """Return a map (H, W) about `side_px` on its longer side: enlarged whole numbers of times, so that its values stay squares."""
    longest = max(one.shape)
    if longest <= side_px:
        return one.repeat(side_px // longest, 0).repeat(side_px // longest, 1)
    size = (max(1, round(one.shape[1] * side_px / longest)), max(1, round(one.shape[0] * side_px / longest)))
    return np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX))


def to_grey(plane: torch.Tensor) -> np.ndarray:
    """Return a plane (H, W) of any numbers as uint8, its lowest black and its highest white."""
    low, high = plane.min(), plane.max()
    return ((plane - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)).mul(255).round().byte().numpy()


def to_heat(image: torch.Tensor, heat: np.ndarray) -> np.ndarray:
    """Return an image (C, H, W) in dimmed grey under a heat map (H, W) in [0, 1], as uint8 (H, W, 3): orange, then nearly white."""
    grey = 90 * image.mean(0).numpy()[..., None] + 8
    glow = np.stack([np.full_like(heat, 255), 120 + 125 * heat, 10 + 190 * heat**2], axis=-1)
    return np.clip(grey * (1 - heat[..., None]) + glow * heat[..., None], 0, 255).round().astype(np.uint8)


def _in_rows(vector: torch.Tensor) -> torch.Tensor:
    """Return a vector (N,) as one map whose rows are as long as it is high, or nearly; what is left over repeats its mean."""
    columns = int(np.ceil(np.sqrt(len(vector))))
    rows = -(-len(vector) // columns)
    filled = torch.cat([vector, vector.mean().expand(rows * columns - len(vector))])
    return filled.view(1, rows, columns)


def prepare_prefix(net: Net, layer_id: str) -> tuple[Net, Summary]:
    """Return the part of a net that must be built to look at a layer, and its numbers; raise `Refusal` where that is too much."""
    prefix = prefix_of(net, layer_id)
    summary = summarise(prefix)
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    name, taken = summary.find(layer_id).name, summary.params * BYTES + summary.activation_bytes
    if taken > LARGEST_BYTES:
        raise Refusal(_TOO_LARGE.fill(name=name, found=taken // MB, most=LARGEST_BYTES // MB))
    if summary.macs > MOST_MACS:
        raise Refusal(_TOO_SLOW.fill(name=name, found=summary.macs // 10**6, most=MOST_MACS // 10**6))
    return prefix, summary


def run_prefix(module: nn.Sequential, layers: Sequence[LayerFacts], layer_id: str, images: torch.Tensor) -> Passage:
    """Return what comes into a layer and what goes out while a batch of one goes through the net."""
    watched, seen = _find(module, layers, layer_id), []
    handle = watched.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0][0], output[0])))
    module(images)
    handle.remove()
    return Passage(*seen[0], watched)


def _find(modules: nn.Sequential, layers: Sequence[LayerFacts], layer_id: str) -> nn.Module | None:
    """Return the module of a layer, inside blocks too: modules stand in the order of the facts they were built from."""
    for module, facts in zip(modules, layers, strict=True):
        if facts.id == layer_id:
            return module
        if LAYERS[facts.kind].block is None:
            continue
        held = module if LAYERS[facts.kind].block.is_chain else getattr(module, "branches", module.children())
        for branch, inner in zip(held, facts.given, strict=False):
            if (found := _find(branch, inner, layer_id)) is not None:
                return found
    return None


SEAM_PX = 4
_TOO_WIDE = Text("A picture of {height:,} × {width:,} pixels is too large to be shown here; choose a layer that gets a smaller one.")
