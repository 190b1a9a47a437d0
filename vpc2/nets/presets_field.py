"""The nets of the field, as their papers and torchvision have them. Standard library only."""

from __future__ import annotations

from vpc2.nets.preset_kind import Made, NetPreset, conv, dense, max_pool, normed, residual
from vpc2.nets.spec import Item
from vpc2.words import Text

_INPUT = (3, 224, 224)
_HEAD: list[Item] = [dense(4096), "ReLU", "Dropout", dense(4096), "ReLU", "Dropout", dense(1000)]
_VGG = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def _vgg(depth: int, *, is_normed: bool = False) -> Made:
    """Return VGG: blocks of 3 x 3 convolutions, 64 to 512 filters, a pooling after each (Simonyan and Zisserman, 2014)."""
    layers: list[Item] = []
    for filters, count in zip((64, 128, 256, 512, 512), _VGG[depth], strict=True):
        layers += [conv(filters, 3, padding=1), *(["BatchNorm2d"] if is_normed else []), "ReLU"] * count + [max_pool(2, 2)]
    name = f"VGG-{depth} with batch norm" if is_normed else f"VGG-{depth}"
    return name, _INPUT, [*layers, "Flatten", *_HEAD]


def _resnet(depth: int, counts: tuple[int, ...], *, is_bottleneck: bool = False) -> Made:
    """Return a ResNet (He and others, 2015), with the stride in the 3 x 3 convolution, as torchvision has it."""
    layers = [*normed(64, 7, stride=2), max_pool(3, 2, padding=1)]
    for i, count in enumerate(counts):
        width = 64 * 2**i
        for block in range(count):
            stride = 2 if i and not block else 1
            if is_bottleneck:
                layers.append(residual(*normed(width, 1), *normed(width, 3, stride=stride), *normed(4 * width, 1, activation="")))
            else:
                layers.append(residual(*normed(width, 3, stride=stride), *normed(width, 3, activation="")))
    return f"ResNet-{depth}", _INPUT, [*layers, ("AdaptiveAvgPool2d", {}), "Flatten", dense(1000)]


def _inception(one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> Item:
    """Return four branches (Szegedy and others, 2014); the third looks at 3 x 3 instead of 5 x 5, as torchvision has it."""
    branches = [
        normed(one, 1),
        [*normed(three[0], 1), *normed(three[1], 3)],
        [*normed(five[0], 1), *normed(five[1], 3)],
        [max_pool(3, 1, padding=1, ceil_mode=True), *normed(pool, 1)],
    ]
    return "Parallel", {}, branches


def _googlenet() -> Made:
    pool = max_pool(3, 2, ceil_mode=True)
    layers = [*normed(64, 7, stride=2), pool, *normed(64, 1), *normed(192, 3), pool]
    layers += [_inception(64, (96, 128), (16, 32), 32), _inception(128, (128, 192), (32, 96), 64), pool]
    layers += [
        _inception(192, (96, 208), (16, 48), 64),
        _inception(160, (112, 224), (24, 64), 64),
        _inception(128, (128, 256), (24, 64), 64),
        _inception(112, (144, 288), (32, 64), 64),
        _inception(256, (160, 320), (32, 128), 128),
        max_pool(2, 2, ceil_mode=True),
        _inception(256, (160, 320), (32, 128), 128),
        _inception(384, (192, 384), (48, 128), 128),
    ]
    return "GoogLeNet", _INPUT, [*layers, ("AdaptiveAvgPool2d", {}), "Flatten", ("Dropout", {"p": 0.2}), dense(1000)]


def _fire(squeeze: int, expand: int) -> list[Item]:
    """Return a fire module: few channels, then two branches of many (Iandola and others, 2016)."""
    return [conv(squeeze, 1), "ReLU", ("Parallel", {}, [[conv(expand, 1), "ReLU"], [conv(expand, 3, padding=1), "ReLU"]])]


def _squeezenet() -> Made:
    pool = max_pool(3, 2, ceil_mode=True)
    layers = [conv(64, 3, stride=2), "ReLU", pool, *_fire(16, 64), *_fire(16, 64), pool, *_fire(32, 128), *_fire(32, 128), pool]
    layers += [*_fire(48, 192), *_fire(48, 192), *_fire(64, 256), *_fire(64, 256)]
    return "SqueezeNet 1.1", _INPUT, [*layers, "Dropout", conv(1000, 1), "ReLU", ("AdaptiveAvgPool2d", {}), "Flatten"]


def _inverted(came: int, out: int, stride: int, times: int) -> list[Item]:
    """Return an inverted residual block (Sandler and others, 2018): wider, depthwise, narrow again without activation."""
    pointwise = lambda channels: [("PointwiseConv2d", {"out_channels": channels, "bias": False}), "BatchNorm2d"]  # noqa: E731
    depthwise: list[Item] = [("DepthwiseConv2d", {"padding": 1, "stride": stride, "bias": False}), "BatchNorm2d", "ReLU6"]
    body = [*([*pointwise(came * times), "ReLU6"] if times > 1 else []), *depthwise, *pointwise(out)]
    return [residual(*body, activation="none")] if stride == 1 and came == out else body


def _mobilenet() -> Made:
    layers, came = normed(32, 3, activation="ReLU6", stride=2), 32
    for times, out, count, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for block in range(count):
            layers += _inverted(came, out, 1 if block else stride, times)
            came = out
    layers += normed(1280, 1, activation="ReLU6")
    return "MobileNetV2", _INPUT, [*layers, ("AdaptiveAvgPool2d", {}), "Flatten", ("Dropout", {"p": 0.2}), dense(1000)]


def _lenet() -> Made:
    features: list[Item] = [conv(6, 5), "Tanh", "AvgPool2d", conv(16, 5), "Tanh", "AvgPool2d"]
    return "LeNet-5", (1, 32, 32), [*features, "Flatten", dense(120), "Tanh", dense(84), "Tanh", dense(10)]


def _alexnet() -> Made:
    norm_pool: list[Item] = ["ReLU", "LocalResponseNorm", max_pool(3, 2)]
    features = [conv(96, 11, stride=4), *norm_pool, conv(256, 5, padding=2), *norm_pool]
    features += [conv(384, 3, padding=1), "ReLU", conv(384, 3, padding=1), "ReLU", conv(256, 3, padding=1), "ReLU", max_pool(3, 2)]
    return "AlexNet", (3, 227, 227), [*features, *_ALEXNET_HEAD]


def _alexnet_torchvision() -> Made:
    features: list[Item] = [conv(64, 11, stride=4, padding=2), "ReLU", max_pool(3, 2), conv(192, 5, padding=2), "ReLU", max_pool(3, 2)]
    features += [conv(384, 3, padding=1), "ReLU", conv(256, 3, padding=1), "ReLU", conv(256, 3, padding=1), "ReLU", max_pool(3, 2)]
    return "AlexNet (torchvision)", _INPUT, [*features, ("AdaptiveAvgPool2d", {"output_size": 6}), *_ALEXNET_HEAD]


_ALEXNET_HEAD: list[Item] = ["Flatten", "Dropout", dense(4096), "ReLU", "Dropout", dense(4096), "ReLU", dense(1000)]


def _vgg_presets() -> list[NetPreset]:
    """Return VGG of all depths, plain and with batch normalisation."""
    numbers = {11: ("eight", "ocho"), 13: ("ten", "diez"), 16: ("thirteen", "trece"), 19: ("sixteen", "dieciséis")}
    plain = [
        NetPreset(
            key=f"vgg{depth}",
            title=Text(f"VGG-{depth}", f"VGG-{depth}"),
            help=Text(
                f"Simonyan and Zisserman, 2014: {en} 3 × 3 convolutions.", f"Simonyan y Zisserman, 2014: {es} convoluciones de 3 × 3."
            ),
            make=lambda depth=depth: _vgg(depth),
        )
        for depth, (en, es) in numbers.items()
    ]
    normed_ = [
        NetPreset(
            key=f"vgg{depth}_bn",
            title=Text(f"VGG-{depth} with batch norm", f"VGG-{depth} con batch norm"),
            help=Text("VGG with what later nets normalise with.", "VGG con lo que usan para normalizar las redes posteriores."),
            make=lambda depth=depth: _vgg(depth, is_normed=True),
        )
        for depth in numbers
    ]
    return plain + normed_


FIELD = (
    NetPreset(
        key="lenet5",
        title=Text("LeNet-5", "LeNet-5"),
        help=Text("LeCun and others, 1998: handwritten digits.", "LeCun y otros, 1998: dígitos manuscritos."),
        make=_lenet,
    ),
    NetPreset(
        key="alexnet",
        title=Text("AlexNet, as in the lecture", "AlexNet, como en la clase"),
        help=Text(
            "Krizhevsky and others, 2012, as one tower on 227 × 227 × 3.",
            "Krizhevsky y otros, 2012, en una sola torre sobre 227 × 227 × 3.",
        ),
        make=_alexnet,
    ),
    NetPreset(
        key="alexnet_torchvision",
        title=Text("AlexNet, as in torchvision", "AlexNet, como en torchvision"),
        help=Text("Krizhevsky, 2014: 64 filters first, 224 × 224 × 3.", "Krizhevsky, 2014: primero 64 filtros, 224 × 224 × 3."),
        make=_alexnet_torchvision,
    ),
    *_vgg_presets(),
    NetPreset(
        key="resnet18",
        title=Text("ResNet-18", "ResNet-18"),
        help=Text("He and others, 2015: eight residual blocks.", "He y otros, 2015: ocho bloques residuales."),
        make=lambda: _resnet(18, (2, 2, 2, 2)),
    ),
    NetPreset(
        key="resnet34",
        title=Text("ResNet-34", "ResNet-34"),
        help=Text("He and others, 2015: sixteen residual blocks.", "He y otros, 2015: dieciséis bloques residuales."),
        make=lambda: _resnet(34, (3, 4, 6, 3)),
    ),
    NetPreset(
        key="resnet50",
        title=Text("ResNet-50", "ResNet-50"),
        help=Text(
            "He and others, 2015: blocks that narrow, look and widen.", "He y otros, 2015: bloques que se angostan, miran y se ensanchan."
        ),
        make=lambda: _resnet(50, (3, 4, 6, 3), is_bottleneck=True),
    ),
    NetPreset(
        key="googlenet",
        title=Text("GoogLeNet", "GoogLeNet"),
        help=Text(
            "Szegedy and others, 2014: nine Inception blocks of four branches.",
            "Szegedy y otros, 2014: nueve bloques Inception de cuatro ramas.",
        ),
        make=_googlenet,
    ),
    NetPreset(
        key="squeezenet1_1",
        title=Text("SqueezeNet 1.1", "SqueezeNet 1.1"),
        help=Text(
            "Iandola and others, 2016: AlexNet's accuracy with few weights.", "Iandola y otros, 2016: como AlexNet, con pocos pesos."
        ),
        make=_squeezenet,
    ),
    NetPreset(
        key="mobilenet_v2",
        title=Text("MobileNetV2", "MobileNetV2"),
        help=Text(
            "Sandler and others, 2018: depthwise convolutions, made for phones.",
            "Sandler y otros, 2018: convoluciones por canal, hecha para teléfonos.",
        ),
        make=_mobilenet,
    ),
)
