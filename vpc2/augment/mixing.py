"""Applying mixing operations to a batch, and the share of each source picture in each result, for the mixed labels.

The shares are not Kornia's own lambda, which not every operation returns (and which for CutMix differs from the paper): the same mixing,
with the same sampled values, is applied to indicator maps that are 1 where a picture is, and their means are the shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vpc2.augment.mixes import MIXES
from vpc2.text import Refusal, Text

if TYPE_CHECKING:
    from torch import Tensor

    from vpc2.augment.spec import Mixing, Pipeline

MAPS_AT_ONCE = 16

_TOO_FEW = Text("Mixing needs at least two photographs.")


def build_mix(key: str, params: dict[str, Any], height: int, width: int) -> Any:
    """Return Kornia's object for a way of mixing pictures of this size."""
    import torch

    entry = MIXES.find(key)
    arguments: dict[str, Any] = {"output_size": (height, width)} if entry.is_sized else {}
    for name, value in entry.clean(params).items():
        if name in entry.pairs:
            arguments[name] = (value, value)
        elif name in entry.tensors:
            arguments[name] = torch.tensor(value)
        else:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return entry.resolve()(**arguments, **dict(entry.fixed), data_keys=["input"])


def mix_images(key: str, params: dict[str, Any], images: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return mixed pictures (B, 3, H, W) and shares (B, B): row i is the share of each source picture in result i.

    `images` is float (B, 3, H, W) in [0, 1]; a side that the grid does not divide is cropped at its end, and the result has the cropped
    size. Rows sum to 1, or less where a mosaic leaves black. Raises `Refusal` for too few pictures.
    """
    import torch

    from vpc2.rng import drawing

    entry = MIXES.find(key)
    if len(images) < entry.fewest:
        raise Refusal(_TOO_FEW)
    cleaned = entry.clean(params)
    unit = cleaned.get("grid", 1)
    images = images[..., : images.shape[-2] // unit * unit, : images.shape[-1] // unit * unit]
    if "patch_size" in cleaned:
        cleaned = {**cleaned, "patch_size": min(cleaned["patch_size"], *images.shape[-2:])}
    count, (height, width) = len(images), images.shape[-2:]
    mix = build_mix(key, cleaned, height, width)
    with drawing(seed), torch.no_grad():
        sampled = mix.forward_parameters(images.shape)
    # An indicator map for each picture, a few at a time: all at once would take too much memory for a whole batch.
    shares = []
    with torch.no_grad():
        mixed = mix(images, params=sampled)
        for indicators in torch.eye(count, device=images.device).split(MAPS_AT_ONCE, dim=1):
            maps = indicators[:, :, None, None].expand(*indicators.shape, height, width).contiguous()
            shares.append(mix(maps, params=sampled).mean((2, 3)))
    return mixed.clamp(0, 1), torch.cat(shares, 1).clamp(0, 1)


def mix_batch(mixing: Mixing, images: Tensor, labels: Tensor, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return a mixed batch, (B, 3, H, W), and its targets (B, K), each row the shares of the classes in the picture.

    `labels` are class indices (B,). Where mixing leaves part of a picture black, its targets are normalised.
    """
    from torch.nn.functional import interpolate, one_hot

    if len(images) < MIXES[mixing.kind].fewest:  # the last batch of an epoch may be too small
        return images, one_hot(labels, classes).float()
    mixed, shares = mix_images(mixing.kind, mixing.params, images, seed)
    if mixed.shape != images.shape:  # cropped where the grid does not divide the sides
        mixed = interpolate(mixed, images.shape[-2:], mode="bilinear", align_corners=False)
    targets = shares.to(images.device) @ one_hot(labels, classes).float()
    return mixed, targets / targets.sum(1, keepdim=True).clamp(min=1e-6)


def labelled_batch(pipeline: Pipeline, images: Tensor, labels: Tensor, classes: int, run_seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Return the augmented batch of a training step, with its labels: unchanged, or as targets (B, K) where the pipeline mixes."""
    from vpc2.augment.pipeline import augment_batch
    from vpc2.rng import seed_of

    seed = seed_of(run_seed, pipeline.seed, step)
    images = augment_batch(pipeline, images, seed)
    return (images, labels) if pipeline.mix is None else mix_batch(pipeline.mix, images, labels, classes, seed)
