"""Small nets that train in seconds, and pairs to set side by side. Standard library only."""

from __future__ import annotations

from vpc2.nets.preset_kind import NetPreset, conv, dense, max_pool, normed, residual
from vpc2.nets.spec import Item
from vpc2.words import Text

_WIDTHS = (16, 32, 64)  # of the plain and the residual net: He and others' net for CIFAR-10


def _blocks(*filters: int) -> list[Item]:
    """Return 3 x 3 convolutions with batch normalisation, ReLU and a pooling each, the last one without pooling."""
    layers: list[Item] = []
    for i, count in enumerate(filters):
        layers += normed(count, 3)
        if i < len(filters) - 1:
            layers.append(max_pool(2, 2))
    return layers


def _plain(blocks: int) -> list[Item]:
    """Return the net of `_residual` without its shortcuts (He and others, 2015, section 4.2)."""
    layers = normed(16, 3)
    for i, width in enumerate(_WIDTHS):
        for block in range(blocks):
            layers += [*normed(width, 3, stride=2 if i and not block else 1), *normed(width, 3)]
    return [*layers, "GlobalAvgPool", dense(10)]


def _residual(blocks: int) -> list[Item]:
    """Return a net for 32 pixels of 6*blocks + 2 layers with weights (He and others, 2015, section 4.2), with projections."""
    layers = normed(16, 3)
    for i, width in enumerate(_WIDTHS):
        for block in range(blocks):
            layers.append(residual(*normed(width, 3, stride=2 if i and not block else 1), *normed(width, 3, activation="")))
    return [*layers, "GlobalAvgPool", dense(10)]


SMALL = (
    NetPreset(
        key="small",
        title=Text("Small net, 32 px", "Red chica, 32 px"),
        help=Text("Four convolutions and a mean; trains in seconds.", "Cuatro convoluciones y un promedio; se entrena en segundos."),
        make=lambda: ("Small net", (3, 32, 32), [*_blocks(24, 48, 96, 96), "GlobalAvgPool", dense(10)]),
    ),
    NetPreset(
        key="tiny",
        title=Text("Tiny net, 16 px", "Red mínima, 16 px"),
        help=Text("Two convolutions for handwritten digits.", "Dos convoluciones para dígitos manuscritos."),
        make=lambda: ("Tiny net", (3, 16, 16), [*_blocks(16, 32, 48), "GlobalAvgPool", dense(10)]),
    ),
    NetPreset(
        key="grey28",
        title=Text("Small net, 28 px, grey", "Red chica, 28 px, gris"),
        help=Text("For pictures as large as MNIST's.", "Para imágenes del tamaño de las de MNIST."),
        make=lambda: (
            "Small net, 28 px",
            (1, 28, 28),
            [
                *(conv(16, 3, padding=1), "ReLU", max_pool(2, 2), conv(32, 3, padding=1), "ReLU", max_pool(2, 2)),
                *("Flatten", dense(64), "ReLU", "Dropout", dense(10)),
            ],
        ),
    ),
    NetPreset(
        key="hands48",
        title=Text("Small net for hands, 48 px", "Red chica para manos, 48 px"),
        help=Text("Made for photographs of hands at 48 pixels.", "Hecha para fotos de manos de 48 píxeles."),
        make=lambda: ("Net for hands", (3, 48, 48), [*_blocks(16, 32, 64, 128), "GlobalAvgPool", ("Dropout", {"p": 0.2}), dense(10)]),
    ),
    NetPreset(
        key="small64",
        title=Text("Small net, 64 px", "Red chica, 64 px"),
        help=Text("Five convolutions for larger pictures.", "Cinco convoluciones para imágenes más grandes."),
        make=lambda: ("Small net, 64 px", (3, 64, 64), [*_blocks(16, 32, 64, 128, 128), "GlobalAvgPool", dense(10)]),
    ),
)

PAIRS = (
    NetPreset(
        key="mlp",
        title=Text("Dense only", "Solo capas densas"),
        help=Text("No convolution at all, to compare.", "Sin ninguna convolución, para comparar."),
        make=lambda: ("Dense only", (3, 32, 32), ["Flatten", dense(256), "ReLU", dense(128), "ReLU", dense(10)]),
    ),
    NetPreset(
        key="dense_720p",
        title=Text("One dense layer on 1280 × 720", "Una capa densa sobre 1280 × 720"),
        help=Text("Why convolution: 2,764.8 million weights in one layer.", "Por qué convolución: 2.764,8 millones de pesos en una capa."),
        make=lambda: ("Dense on 1280 × 720", (3, 720, 1280), ["Flatten", dense(1000)]),
    ),
    NetPreset(
        key="one_5x5",
        title=Text("One 5 × 5", "Una de 5 × 5"),
        help=Text("25 weights that see 5 × 5 pixels.", "25 pesos que ven 5 × 5 píxeles."),
        make=lambda: ("One 5 × 5", (1, 32, 32), [conv(1, 5, padding=2, bias=False)]),
    ),
    NetPreset(
        key="two_3x3",
        title=Text("Two 3 × 3", "Dos de 3 × 3"),
        help=Text("18 weights that see the same 5 × 5 pixels.", "18 pesos que ven los mismos 5 × 5 píxeles."),
        make=lambda: ("Two 3 × 3", (1, 32, 32), [conv(1, 3, padding=1, bias=False)] * 2),
    ),
    NetPreset(
        key="one_7x7",
        title=Text("One 7 × 7", "Una de 7 × 7"),
        help=Text("49 weights that see 7 × 7 pixels.", "49 pesos que ven 7 × 7 píxeles."),
        make=lambda: ("One 7 × 7", (1, 32, 32), [conv(1, 7, padding=3, bias=False)]),
    ),
    NetPreset(
        key="three_3x3",
        title=Text("Three 3 × 3", "Tres de 3 × 3"),
        help=Text("27 weights that see the same 7 × 7 pixels.", "27 pesos que ven los mismos 7 × 7 píxeles."),
        make=lambda: ("Three 3 × 3", (1, 32, 32), [conv(1, 3, padding=1, bias=False)] * 3),
    ),
    NetPreset(
        key="plain20",
        title=Text("Plain, 20 layers, 32 px", "Sin atajos, 20 capas, 32 px"),
        help=Text("The residual net beside it, without its shortcuts.", "La red residual de al lado, sin sus atajos."),
        make=lambda: ("Plain, 20 layers", (3, 32, 32), _plain(3)),
    ),
    NetPreset(
        key="residual20",
        title=Text("Residual, 20 layers, 32 px", "Residual, 20 capas, 32 px"),
        help=Text("He and others, 2015: their net for CIFAR-10.", "He y otros, 2015: su red para CIFAR-10."),
        make=lambda: ("Residual, 20 layers", (3, 32, 32), _residual(3)),
    ),
)
