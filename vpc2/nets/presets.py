"""`NETS`: the table of ready-made nets: those of the lecture, well-known ones, and small ones that train in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from vpc2.catalog import Catalog, Entry
from vpc2.nets import architectures as arch
from vpc2.nets.architectures import conv, dense, max_pool
from vpc2.nets.spec import Net, make_net
from vpc2.text import Text, Verbatim


@dataclass(frozen=True)
class PresetNote:
    """A note for a net of which a published table prints other sides after its last poolings; `lessons.note_of` fills the fields.

    `printed` are the sides in that table.
    """

    text: Text
    printed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class NetPreset(Entry):
    """A ready-made net with title and help, built at its first use; `torchvision` is the name of the same net there, if any."""

    build: Callable[[], Net]
    torchvision: str = ""
    note: PresetNote | None = None

    @cached_property
    def net(self) -> Net:
        return self.build()


_VGG_TABLE = PresetNote(
    Text(
        "The lecture's table of VGG prints {printed} where {side} × {side} pixels give {shown}. A 2 × 2 pooling of stride 2 halves "
        "the side, floor(({before} - 2)/2) + 1 = {after}, so that {side} gives {sides}. The printed sides would follow from "
        "pictures of {least} to {most} pixels."
    ),
    printed=(66, 33, 16, 8),
)

NETS: Catalog[NetPreset] = Catalog(
    Text("net"),
    NetPreset(
        key="small",
        title=Text("Small net, 32 px"),
        help=Text("Four convolutions and a mean; trains in seconds."),
        build=lambda: make_net("Small net", (3, 32, 32), *arch.stack(24, 48, 96, 96), "GlobalAvgPool", dense(10)),
    ),
    NetPreset(
        key="hands48",
        title=Text("Small net for hands, 48 px"),
        help=Text("Made for photographs of hands at 48 pixels."),
        build=lambda: make_net(
            "Net for hands", (3, 48, 48), *arch.stack(16, 32, 64, 128), "GlobalAvgPool", ("Dropout", {"p": 0.2}), dense(10)
        ),
    ),
    NetPreset(
        key="lenet5",
        title=Text("LeNet-5"),
        help=Text("LeCun and others, 1998: handwritten digits."),
        build=lambda: make_net(
            "LeNet-5",
            (1, 32, 32),
            conv(6, 5),
            "Tanh",
            ("AvgPool2d", {}),
            conv(16, 5),
            "Tanh",
            ("AvgPool2d", {}),
            "Flatten",
            dense(120),
            "Tanh",
            dense(84),
            "Tanh",
            dense(10),
        ),
    ),
    NetPreset(
        key="alexnet",
        title=Text("AlexNet, as in the lecture"),
        help=Text("Krizhevsky and others, 2012, as one tower on 227 × 227 × 3."),
        build=lambda: make_net(
            "AlexNet",
            (3, 227, 227),
            conv(96, 11, stride=4),
            "ReLU",
            "LocalResponseNorm",
            max_pool(3, 2),
            conv(256, 5, padding=2),
            "ReLU",
            "LocalResponseNorm",
            max_pool(3, 2),
            conv(384, 3, padding=1),
            "ReLU",
            conv(384, 3, padding=1),
            "ReLU",
            conv(256, 3, padding=1),
            "ReLU",
            max_pool(3, 2),
            "Flatten",
            "Dropout",
            dense(4096),
            "ReLU",
            "Dropout",
            dense(4096),
            "ReLU",
            dense(1000),
        ),
    ),
    NetPreset(
        key="alexnet_torchvision",
        torchvision="alexnet",
        title=Text("AlexNet, as in torchvision"),
        help=Text("Krizhevsky, 2014: 64 filters first, 224 × 224 × 3."),
        build=lambda: make_net(
            "AlexNet (torchvision)",
            (3, 224, 224),
            conv(64, 11, stride=4, padding=2),
            "ReLU",
            max_pool(3, 2),
            conv(192, 5, padding=2),
            "ReLU",
            max_pool(3, 2),
            conv(384, 3, padding=1),
            "ReLU",
            conv(256, 3, padding=1),
            "ReLU",
            conv(256, 3, padding=1),
            "ReLU",
            max_pool(3, 2),
            ("AdaptiveAvgPool2d", {"output_size": 6}),
            "Flatten",
            "Dropout",
            dense(4096),
            "ReLU",
            "Dropout",
            dense(4096),
            "ReLU",
            dense(1000),
        ),
    ),
    *(
        NetPreset(
            key=f"vgg{depth}{suffix}",
            title=(Text("VGG-{depth}, batch norm") if suffix else Verbatim("VGG-{depth}")).fill(depth=depth),
            help=Text("Simonyan and Zisserman, 2014: {n} convolutions of 3 × 3.").fill(n=depth - 3),
            build=partial(arch.vgg, depth, has_norm=bool(suffix)),
            torchvision=f"vgg{depth}{suffix}",
            note=_VGG_TABLE if depth in (16, 19) and not suffix else None,
        )
        for suffix in ("", "_bn")
        for depth in (11, 13, 16, 19)
    ),
    *(
        NetPreset(
            key=f"resnet{depth}",
            title=Verbatim(f"ResNet-{depth}"),
            help=Text("He and others, 2015: what comes in is added to what a block makes of it."),
            build=partial(arch.resnet, depth),
            torchvision=f"resnet{depth}",
        )
        for depth in (18, 34, 50)
    ),
    NetPreset(
        key="googlenet",
        title=Text("GoogLeNet"),
        help=Text("Szegedy and others, 2014: windows of several sizes side by side, as torchvision has it."),
        build=arch.googlenet,
        torchvision="googlenet",
    ),
    NetPreset(
        key="squeezenet1_1",
        title=Text("SqueezeNet 1.1"),
        help=Text("Iandola and others, 2016: AlexNet's accuracy with fifty times fewer weights."),
        build=arch.squeezenet,
        torchvision="squeezenet1_1",
    ),
    NetPreset(
        key="mobilenet_v2",
        title=Text("MobileNetV2"),
        help=Text("Sandler and others, 2018: depthwise convolutions, for telephones."),
        build=arch.mobilenet_v2,
        torchvision="mobilenet_v2",
    ),
    NetPreset(
        key="net28",
        title=Text("Small net, 28 px, grey"),
        help=Text("Made for Fashion-MNIST and MNIST."),
        build=lambda: make_net("Small net, 28 px", (1, 28, 28), *arch.stack(16, 32, 64), "GlobalAvgPool", dense(10)),
    ),
    NetPreset(
        key="net64",
        title=Text("Small net, 64 px"),
        help=Text("Five convolutions for photographs of 64 pixels."),
        build=lambda: make_net("Small net, 64 px", (3, 64, 64), *arch.stack(16, 32, 64, 96, 128), "GlobalAvgPool", dense(10)),
    ),
    NetPreset(
        key="plain32",
        title=Text("Plain, 32 px"),
        help=Text("Thirteen convolutions in a row, to compare with the residual net."),
        build=lambda: arch.small_deep("Plain", is_residual=False),
    ),
    NetPreset(
        key="residual32",
        title=Text("Residual, 32 px"),
        help=Text("The same convolutions in residual blocks (He and others, 2015)."),
        build=lambda: arch.small_deep("Residual", is_residual=True),
    ),
    NetPreset(
        key="tiny",
        title=Text("Tiny net, 16 px"),
        help=Text("Two convolutions for handwritten digits."),
        build=lambda: make_net("Tiny net", (3, 16, 16), *arch.stack(16, 32, 48), "GlobalAvgPool", dense(10)),
    ),
    NetPreset(
        key="mlp",
        title=Text("Dense only"),
        help=Text("No convolution at all, to compare."),
        build=lambda: make_net("Dense only", (3, 32, 32), "Flatten", dense(256), "ReLU", dense(128), "ReLU", dense(10)),
    ),
    NetPreset(
        key="dense_720p",
        title=Text("One dense layer on 1280 × 720"),
        help=Text("Why convolution: 2,764.8 million weights in one layer."),
        build=lambda: make_net("Dense on 1280 × 720", (3, 720, 1280), "Flatten", dense(1000)),
    ),
    NetPreset(
        key="one_5x5",
        title=Text("One 5 × 5"),
        help=Text("25 weights that see 5 × 5 pixels."),
        build=lambda: make_net("One 5 × 5", (1, 32, 32), conv(1, 5, padding=2, bias=False)),
    ),
    NetPreset(
        key="two_3x3",
        title=Text("Two 3 × 3"),
        help=Text("18 weights that see the same 5 × 5 pixels."),
        build=lambda: make_net("Two 3 × 3", (1, 32, 32), conv(1, 3, padding=1, bias=False), conv(1, 3, padding=1, bias=False)),
    ),
    NetPreset(
        key="one_7x7",
        title=Text("One 7 × 7"),
        help=Text("49 weights that see 7 × 7 pixels."),
        build=lambda: make_net("One 7 × 7", (1, 32, 32), conv(1, 7, padding=3, bias=False)),
    ),
    NetPreset(
        key="three_3x3",
        title=Text("Three 3 × 3"),
        help=Text("27 weights that see the same 7 × 7 pixels."),
        build=lambda: make_net("Three 3 × 3", (1, 32, 32), *[conv(1, 3, padding=1, bias=False)] * 3),
    ),
)
