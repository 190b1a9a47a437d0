"""Heat maps (Grad-CAM, saliency, occlusion), feature maps and filters of a classifier.

Attributions are computed by Captum. Its hooks and ours are registered on a private copy of the module, because other visitors use the
shared one at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vpc2.predict.classifier import Classifier
from vpc2.predict.explain.hooks import private_copy
from vpc2.predict.tta.predict import images_at_once
from vpc2.predict.tta.transforms import apply_view, undo_masks
from vpc2.text import Refusal, Text

_NO_CONVOLUTION = Text(
    "This net has no convolution whose output is a map, so there is no Grad-CAM of it; saliency and occlusion work for any net."
)


@dataclass(frozen=True)
class Convolution:
    """A convolution of a net: its name in the module, and the shape of its output (C, H, W)."""

    name: str
    shape: tuple[int, int, int]


def convolutions(classifier: Classifier) -> list[Convolution]:
    """Return the convolutions in the order of the forward pass."""
    model = private_copy(classifier.module)
    names = {module: name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    layers: list[Convolution] = []
    size = classifier.preprocessing.size_px
    for each in names:
        each.register_forward_hook(lambda module, inputs, out: layers.append(Convolution(names[module], tuple(out.shape[1:]))))
    with torch.no_grad():
        model(classifier.normalise(torch.zeros(1, 3, size, size, device=classifier.device)))
    return layers


def chosen_convolution(layers: Sequence[Convolution]) -> str:
    """Return the name of the last convolution whose output is larger than one pixel. Raises `Refusal` where there is none."""
    for layer in reversed(layers):
        if min(layer.shape[1:]) > 1:
            return layer.name
    raise Refusal(_NO_CONVOLUTION)


def grad_cam(classifier: Classifier, images: torch.Tensor, label: int, layer: str | None = None) -> torch.Tensor:
    """Return Grad-CAM (Selvaraju and others, 2017) of a class, (B, H, W) in [0, 1] at the images' size, each scaled to a maximum of 1.

    Of images (B, 3, S, S) in [0, 1], at the convolution named `layer`, or the last one with a map. Where nothing supports the class, the
    map is zero everywhere.
    """
    from captum.attr import LayerGradCam

    model = private_copy(classifier.module)
    module = model.get_submodule(layer or chosen_convolution(convolutions(classifier)))
    with torch.enable_grad():
        inputs = classifier.normalise(images.to(classifier.device)).requires_grad_()
        maps = LayerGradCam(model, module).attribute(inputs, target=label, relu_attributions=True)
    maps = F.interpolate(maps.detach(), images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    return _to_one(maps).cpu()


def grad_cam_over_views(
    classifier: Classifier, images: torch.Tensor, label: int, views: Sequence[str], layer: str | None = None
) -> torch.Tensor:
    """Return the mean of Grad-CAM over views, each mapped back to the coordinates of the picture, (B, H, W) in [0, 1]."""
    maps = [undo_masks(view, grad_cam(classifier, apply_view(view, images), label, layer)[:, None])[:, 0] for view in views]
    return _to_one(torch.stack(maps).mean(0))


def saliency(classifier: Classifier, images: torch.Tensor, label: int) -> torch.Tensor:
    """Return the absolute gradient at each pixel (Simonyan and others, 2013), the largest over the channels, (B, H, W) in [0, 1]."""
    from captum.attr import Saliency

    with torch.enable_grad():
        inputs = images.detach().to(classifier.device).clone().requires_grad_()
        gradient = Saliency(lambda x: classifier.module(classifier.normalise(x))).attribute(inputs, target=label)
    return _to_one(gradient.detach().amax(1)).cpu()


def occlusion(
    classifier: Classifier,
    image: torch.Tensor,
    label: int,
    window_px: int,
    stride_px: int,
    report: Callable[[float], None] = lambda share: None,
) -> tuple[torch.Tensor, float]:
    """Return how much probability a class loses where a grey window covers the picture (Zeiler and Fergus, 2013).

    The map (H, W) holds at each pixel the mean over the windows that cover it, negative where covering it increases the probability;
    the number is the largest loss that a single window causes.
    """
    size = image.shape[-1]
    starts = sorted({*range(0, size - window_px + 1, stride_px), size - window_px})
    positions = [(top, left) for top in starts for left in starts]
    plain = float(classifier.probabilities(image[None])[0, label])
    total, count, largest = torch.zeros(size, size), torch.zeros(size, size), -1.0
    batch_size = images_at_once(classifier)
    for start in range(0, len(positions), batch_size):
        batch = image.repeat(len(positions[start : start + batch_size]), 1, 1, 1)
        for image_copy, (top, left) in zip(batch, positions[start : start + batch_size], strict=True):
            image_copy[:, top : top + window_px, left : left + window_px] = 0.5
        shares = classifier.probabilities(batch)[:, label].tolist()
        for share, (top, left) in zip(shares, positions[start : start + batch_size], strict=True):
            largest = max(largest, plain - share)
            total[top : top + window_px, left : left + window_px] += plain - share
            count[top : top + window_px, left : left + window_px] += 1
        report(min((start + batch_size) / len(positions), 1.0))
    return total / count.clamp_min(1), largest


def _to_one(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (B, H, W) each scaled to a maximum of 1, however small they were; a map of zeros stays zero."""
    return maps / maps.flatten(1).amax(1).clamp_min(torch.finfo(maps.dtype).tiny).view(-1, 1, 1)


def feature_maps(classifier: Classifier, images: torch.Tensor, layer: str) -> torch.Tensor:
    """Return the output of a layer for images (B, 3, S, S): (B, C, H, W)."""
    outputs: list[torch.Tensor] = []
    model = private_copy(classifier.module)
    model.get_submodule(layer).register_forward_hook(lambda module, inputs, out: outputs.append(out.detach().cpu()))
    with torch.no_grad():
        model(classifier.normalise(images.to(classifier.device)))
    return outputs[0].contiguous()


def filters(classifier: Classifier, layer: str) -> torch.Tensor:
    """Return a convolution's kernels (K, C, h, w), unscaled."""
    weight = classifier.module.get_submodule(layer).weight
    assert isinstance(weight, torch.Tensor)
    return weight.detach().cpu().contiguous()


def most_exciting(classifier: Classifier, images: torch.Tensor, layer: str, channel: int, count: int) -> list[tuple[int, float]]:
    """Return index and activation of the `count` pictures (N, 3, S, S) with the highest activation anywhere in one feature map."""
    batch_size = images_at_once(classifier)
    peaks = torch.cat(
        [
            feature_maps(classifier, images[i : i + batch_size], layer)[:, channel].flatten(1).amax(1)
            for i in range(0, len(images), batch_size)
        ]
    )
    values, order = peaks.topk(min(count, len(images)))
    return list(zip(order.tolist(), values.tolist(), strict=True))


def convolve(pixels: np.ndarray, rows: Sequence[Sequence[float]], divisor: float = 1.0) -> np.ndarray:
    """Return uint8 (H, W, 3) pixels convolved with a 3 x 3 kernel, per channel, borders replicated, clamped to 0 to 255.

    As in convolutional nets (cross-correlation): the kernel is not flipped.
    """
    images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[:, None].float()
    kernel = torch.tensor(rows, dtype=torch.float32).view(1, 1, 3, 3) / divisor
    result = F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernel)
    return result.clamp(0, 255).round().byte()[:, 0].permute(1, 2, 0).numpy()
