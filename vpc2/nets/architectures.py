"""Well-known architectures built with `make_net`: VGG, ResNet, GoogLeNet, SqueezeNet, MobileNetV2, and small ones. Standard library only.

Layer by layer as torchvision builds them, so that shapes, parameters and multiply-adds are the same.
"""

from __future__ import annotations

from typing import Any

from vpc2.nets.spec import Item, Net, make_net

IMAGENET = (3, 224, 224)
_VGG = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_RESNET = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
# Filters of an Inception block's branches: 1 x 1; 1 x 1, then 3 x 3; the same again; 1 x 1 after the pooling.
_INCEPTION = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
# Expansion, filters, number of blocks, stride of the first (Sandler and others, 2018, table 2).
_MOBILENET = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def conv(out: int, kernel: int, **params: Any) -> Item:
    return "Conv2d", {"out_channels": out, "kernel_size": kernel, **params}


def max_pool(kernel: int, stride: int, **params: Any) -> Item:
    return "MaxPool2d", {"kernel_size": kernel, "stride": stride, **params}


def dense(out: int) -> Item:
    return "Linear", {"out_features": out}


def normed(out: int, kernel: int, activation: str = "ReLU", **params: Any) -> list[Item]:
    """Return a convolution without bias that keeps its sides, batch normalisation, and an activation unless it is ""."""
    return [conv(out, kernel, padding=kernel // 2, bias=False, **params), "BatchNorm2d", *([activation] if activation else [])]


def stack(*filters: int) -> list[Item]:
    """Return 3 x 3 convolutions with batch normalisation, ReLU and a pooling each, the last one without pooling."""
    layers: list[Item] = []
    for count in filters[:-1]:
        layers += [*normed(count, 3), max_pool(2, 2)]
    return [*layers, *normed(filters[-1], 3)]


def vgg(depth: int, *, has_norm: bool = False) -> Net:
    """Return VGG: blocks of 3 x 3 convolutions, 64 to 512 filters, a pooling after each (Simonyan and Zisserman, 2014)."""
    layers: list[Item] = []
    for filters, count in zip((64, 128, 256, 512, 512), _VGG[depth], strict=True):
        convolution = [conv(filters, 3, padding=1), *(["BatchNorm2d"] if has_norm else []), "ReLU"]
        layers += convolution * count + [max_pool(2, 2)]
    head = ["Flatten", dense(4096), "ReLU", "Dropout", dense(4096), "ReLU", "Dropout", dense(1000)]
    return make_net(f"VGG-{depth}{' with batch norm' if has_norm else ''}", IMAGENET, *layers, *head)


def resnet(depth: int) -> Net:
    """Return ResNet: stages of residual blocks, of two 3 x 3 convolutions or, from 50 on, of a bottleneck (He and others, 2015)."""
    layers: list[Item] = [*normed(64, 7, stride=2), max_pool(3, 2, padding=1)]
    for stage, count in enumerate(_RESNET[depth]):
        filters = 64 * 2**stage
        for block in range(count):
            stride = 2 if stage and not block else 1
            if depth < 50:
                body = [*normed(filters, 3, stride=stride), *normed(filters, 3, "")]
            else:
                body = [*normed(filters, 1), *normed(filters, 3, stride=stride), *normed(4 * filters, 1, "")]
            layers.append(("Residual", {}, [body]))
    return make_net(f"ResNet-{depth}", IMAGENET, *layers, ("AdaptiveAvgPool2d", {}), "Flatten", dense(1000))


def _inception(filters_1x1: int, reduction_3x3: int, filters_3x3: int, reduction_5x5: int, filters_5x5: int, filters_pool: int) -> Item:
    pool = max_pool(3, 1, padding=1, ceil_mode=True)
    # torchvision's third branch has 3 x 3 filters where the paper has 5 x 5.
    branches = [
        normed(filters_1x1, 1),
        [*normed(reduction_3x3, 1), *normed(filters_3x3, 3)],
        [*normed(reduction_5x5, 1), *normed(filters_5x5, 3)],
        [pool, *normed(filters_pool, 1)],
    ]
    return "Parallel", {}, branches


def googlenet() -> Net:
    """Return GoogLeNet without its auxiliary classifiers (Szegedy and others, 2014)."""
    first, second, third = ([_inception(*filters) for filters in stage] for stage in _INCEPTION)
    pool = max_pool(3, 2, ceil_mode=True)
    stem = [*normed(64, 7, stride=2), pool, *normed(64, 1), *normed(192, 3), pool]
    head = [("AdaptiveAvgPool2d", {}), "Flatten", ("Dropout", {"p": 0.2}), dense(1000)]
    return make_net("GoogLeNet", IMAGENET, *stem, *first, pool, *second, max_pool(2, 2, ceil_mode=True), *third, *head)


def _fire(squeezed: int, expanded: int) -> list[Item]:
    return [conv(squeezed, 1), "ReLU", ("Parallel", {}, [[conv(expanded, 1), "ReLU"], [conv(expanded, 3, padding=1), "ReLU"]])]


def squeezenet() -> Net:
    """Return SqueezeNet 1.1 (Iandola and others, 2016)."""
    pool = max_pool(3, 2, ceil_mode=True)
    layers = [conv(64, 3, stride=2), "ReLU", pool, *_fire(16, 64), *_fire(16, 64), pool, *_fire(32, 128), *_fire(32, 128), pool]
    layers += [*_fire(48, 192), *_fire(48, 192), *_fire(64, 256), *_fire(64, 256)]
    return make_net("SqueezeNet 1.1", IMAGENET, *layers, "Dropout", conv(1000, 1), "ReLU", ("AdaptiveAvgPool2d", {}), "Flatten")


def mobilenet_v2() -> Net:
    """Return MobileNetV2: inverted residual blocks that expand, filter each channel, and project (Sandler and others, 2018)."""
    layers, channels = normed(32, 3, "ReLU6", stride=2), 32
    for expansion, filters, count, first_stride in _MOBILENET:
        for block in range(count):
            stride = 1 if block else first_stride
            wide = channels * expansion
            body = [*(normed(wide, 1, "ReLU6") if expansion > 1 else []), *normed(wide, 3, "ReLU6", stride=stride, groups=wide)]
            body += normed(filters, 1, "")
            is_residual = stride == 1 and channels == filters
            layers += [("Residual", {"activation": "none"}, [body])] if is_residual else body
            channels = filters
    head = [*normed(1280, 1, "ReLU6"), ("AdaptiveAvgPool2d", {}), "Flatten", ("Dropout", {"p": 0.2}), dense(1000)]
    return make_net("MobileNetV2", IMAGENET, *layers, *head)


def small_deep(name: str, *, is_residual: bool) -> Net:
    """Return thirteen 3 x 3 convolutions for 32 pixels, in a row or in residual blocks of two."""
    layers = normed(16, 3)
    for filters in (16, 32, 64):
        for block in range(2):
            stride = 2 if filters > 16 and not block else 1
            body = [*normed(filters, 3, stride=stride), *normed(filters, 3, "")]
            layers += [("Residual", {}, [body])] if is_residual else [*body, "ReLU"]
    return make_net(name, (3, 32, 32), *layers, "GlobalAvgPool", dense(10))
