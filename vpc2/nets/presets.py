"""Ready nets: the lecture's, the field's, and small ones that train in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpc2.catalog import Catalog, Entry
from vpc2.nets.spec import Net, make_net
from vpc2.words import Text


@dataclass(frozen=True)
class Note:
    """What is to be said where a table elsewhere prints other sides behind a net's last poolings; `pairs.note_of` fills the fields."""

    text: Text
    printed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class NetPreset(Entry):
    """A net with the words that introduce it, and a note where one is needed."""

    net: Net
    note: Note | None = None


_VGG_TABLE = Note(
    Text(
        "The lecture's table of VGG prints {printed} where {side} × {side} pixels give {shown}. A 2 × 2 pooling of stride 2 halves "
        "the side, floor(({before} - 2)/2) + 1 = {after}, so that {side} gives {sides}. The printed sides would follow from "
        "pictures of {least} to {most} pixels.",
        "La tabla de VGG de la clase dice {printed} donde {side} × {side} píxeles dan {shown}. Un pooling de 2 × 2 con paso 2 reduce "
        "el lado a la mitad, floor(({before} - 2)/2) + 1 = {after}, así que {side} da {sides}. Los lados de la tabla saldrían con "
        "imágenes de {least} a {most} píxeles.",
    ),
    printed=(66, 33, 16, 8),
)


def _conv(out: int, kernel: int, **params: Any) -> tuple[str, dict[str, Any]]:
    return "Conv2d", {"out_channels": out, "kernel_size": kernel, **params}


def _max_pool(kernel: int, stride: int) -> tuple[str, dict[str, Any]]:
    return "MaxPool2d", {"kernel_size": kernel, "stride": stride}


def _dense(out: int) -> tuple[str, dict[str, Any]]:
    return "Linear", {"out_features": out}


def _vgg(name: str, *blocks: int) -> Net:
    """Return VGG: blocks of 3 x 3 convolutions, 64 to 512 filters, a pooling after each (Simonyan and Zisserman, 2014)."""
    layers: list = []
    for filters, count in zip((64, 128, 256, 512, 512), blocks, strict=True):
        layers += [_conv(filters, 3, padding=1), "ReLU"] * count + [_max_pool(2, 2)]
    head = ["Flatten", _dense(4096), "ReLU", "Dropout", _dense(4096), "ReLU", "Dropout", _dense(1000)]
    return make_net(name, (3, 224, 224), *layers, *head)


def _blocks(*filters: int) -> list:
    """Return 3 x 3 convolutions with batch normalisation, ReLU and a pooling each, the last one without pooling."""
    layers: list = []
    for i, count in enumerate(filters):
        layers += [_conv(count, 3, padding=1, bias=False), "BatchNorm2d", "ReLU"]
        if i < len(filters) - 1:
            layers.append(_max_pool(2, 2))
    return layers


NETS: Catalog[NetPreset] = Catalog(
    Text("net", "red"),
    NetPreset(
        key="small",
        title=Text("Small net, 32 px", "Red chica, 32 px"),
        help=Text("Four convolutions and a mean; trains in seconds.", "Cuatro convoluciones y un promedio; se entrena en segundos."),
        net=make_net("Small net", (3, 32, 32), *_blocks(24, 48, 96, 96), "GlobalAvgPool", _dense(10)),
    ),
    NetPreset(
        key="hands48",
        title=Text("Small net for hands, 48 px", "Red chica para manos, 48 px"),
        help=Text("Made for photographs of hands at 48 pixels.", "Hecha para fotos de manos de 48 píxeles."),
        net=make_net("Net for hands", (3, 48, 48), *_blocks(16, 32, 64, 128), "GlobalAvgPool", ("Dropout", {"p": 0.2}), _dense(10)),
    ),
    NetPreset(
        key="lenet5",
        title=Text("LeNet-5", "LeNet-5"),
        help=Text("LeCun and others, 1998: handwritten digits.", "LeCun y otros, 1998: dígitos manuscritos."),
        net=make_net(
            "LeNet-5",
            (1, 32, 32),
            _conv(6, 5),
            "Tanh",
            ("AvgPool2d", {}),
            _conv(16, 5),
            "Tanh",
            ("AvgPool2d", {}),
            "Flatten",
            _dense(120),
            "Tanh",
            _dense(84),
            "Tanh",
            _dense(10),
        ),
    ),
    NetPreset(
        key="alexnet",
        title=Text("AlexNet, as in the lecture", "AlexNet, como en la clase"),
        help=Text(
            "Krizhevsky and others, 2012, as one tower on 227 × 227 × 3.",
            "Krizhevsky y otros, 2012, en una sola torre sobre 227 × 227 × 3.",
        ),
        net=make_net(
            "AlexNet",
            (3, 227, 227),
            _conv(96, 11, stride=4),
            "ReLU",
            "LocalResponseNorm",
            _max_pool(3, 2),
            _conv(256, 5, padding=2),
            "ReLU",
            "LocalResponseNorm",
            _max_pool(3, 2),
            _conv(384, 3, padding=1),
            "ReLU",
            _conv(384, 3, padding=1),
            "ReLU",
            _conv(256, 3, padding=1),
            "ReLU",
            _max_pool(3, 2),
            "Flatten",
            "Dropout",
            _dense(4096),
            "ReLU",
            "Dropout",
            _dense(4096),
            "ReLU",
            _dense(1000),
        ),
    ),
    NetPreset(
        key="alexnet_torchvision",
        title=Text("AlexNet, as in torchvision", "AlexNet, como en torchvision"),
        help=Text("Krizhevsky, 2014: 64 filters first, 224 × 224 × 3.", "Krizhevsky, 2014: primero 64 filtros, 224 × 224 × 3."),
        net=make_net(
            "AlexNet (torchvision)",
            (3, 224, 224),
            _conv(64, 11, stride=4, padding=2),
            "ReLU",
            _max_pool(3, 2),
            _conv(192, 5, padding=2),
            "ReLU",
            _max_pool(3, 2),
            _conv(384, 3, padding=1),
            "ReLU",
            _conv(256, 3, padding=1),
            "ReLU",
            _conv(256, 3, padding=1),
            "ReLU",
            _max_pool(3, 2),
            ("AdaptiveAvgPool2d", {"output_size": 6}),
            "Flatten",
            "Dropout",
            _dense(4096),
            "ReLU",
            "Dropout",
            _dense(4096),
            "ReLU",
            _dense(1000),
        ),
    ),
    NetPreset(
        key="vgg16",
        title=Text("VGG-16", "VGG-16"),
        help=Text(
            "Simonyan and Zisserman, 2014: thirteen 3 × 3 convolutions.", "Simonyan y Zisserman, 2014: trece convoluciones de 3 × 3."
        ),
        net=_vgg("VGG-16", 2, 2, 3, 3, 3),
        note=_VGG_TABLE,
    ),
    NetPreset(
        key="vgg19",
        title=Text("VGG-19", "VGG-19"),
        help=Text(
            "Simonyan and Zisserman, 2014: sixteen 3 × 3 convolutions.", "Simonyan y Zisserman, 2014: dieciséis convoluciones de 3 × 3."
        ),
        net=_vgg("VGG-19", 2, 2, 4, 4, 4),
        note=_VGG_TABLE,
    ),
    NetPreset(
        key="tiny",
        title=Text("Tiny net, 16 px", "Red mínima, 16 px"),
        help=Text("Two convolutions for handwritten digits.", "Dos convoluciones para dígitos manuscritos."),
        net=make_net("Tiny net", (3, 16, 16), *_blocks(16, 32, 48), "GlobalAvgPool", _dense(10)),
    ),
    NetPreset(
        key="mlp",
        title=Text("Dense only", "Solo capas densas"),
        help=Text("No convolution at all, to compare.", "Sin ninguna convolución, para comparar."),
        net=make_net("Dense only", (3, 32, 32), "Flatten", _dense(256), "ReLU", _dense(128), "ReLU", _dense(10)),
    ),
    NetPreset(
        key="dense_720p",
        title=Text("One dense layer on 1280 × 720", "Una capa densa sobre 1280 × 720"),
        help=Text("Why convolution: 2,764.8 million weights in one layer.", "Por qué convolución: 2.764,8 millones de pesos en una capa."),
        net=make_net("Dense on 1280 × 720", (3, 720, 1280), "Flatten", _dense(1000)),
    ),
    NetPreset(
        key="one_5x5",
        title=Text("One 5 × 5", "Una de 5 × 5"),
        help=Text("25 weights that see 5 × 5 pixels.", "25 pesos que ven 5 × 5 píxeles."),
        net=make_net("One 5 × 5", (1, 32, 32), _conv(1, 5, padding=2, bias=False)),
    ),
    NetPreset(
        key="two_3x3",
        title=Text("Two 3 × 3", "Dos de 3 × 3"),
        help=Text("18 weights that see the same 5 × 5 pixels.", "18 pesos que ven los mismos 5 × 5 píxeles."),
        net=make_net("Two 3 × 3", (1, 32, 32), _conv(1, 3, padding=1, bias=False), _conv(1, 3, padding=1, bias=False)),
    ),
)
