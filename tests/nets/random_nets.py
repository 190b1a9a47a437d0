"""Random nets with several channels and convolutions and random values of every knob, reproducible by seed."""

from __future__ import annotations

import random

from vpc2.nets.layers.shape_rules import value_count
from vpc2.nets.spec import Item, Net, make_net
from vpc2.nets.summary.summarise import summarise

MAX_NUMBERS = 30_000  # in one output
# Kinds whose gradient shows what they look at: nothing is squashed flat, and no statistics of the whole image are taken.
CLEAR = (
    "Conv2d", "Conv2d", "Conv2d", "ConvTranspose2d", "ConvTranspose2d", "DepthwiseConv2d", "PointwiseConv2d", "AvgPool2d",
    "AdaptiveAvgPool2d", "AdaptiveAvgPool2d", "Upsample", "Upsample", "ReLU", "BatchNorm2d", "Residual", "Parallel", "Repeat",
)  # fmt: skip
ALL = (
    *CLEAR, "Conv2d", "Conv2d", "Conv2d", "MaxPool2d", "MaxPool2d", "AvgPool2d", "AdaptiveMaxPool2d", "LeakyReLU", "ELU", "ReLU6", "GELU",
    "SiLU", "Sigmoid", "Tanh", "Softmax", "LayerNorm", "GroupNorm", "LocalResponseNorm", "Dropout", "Dropout2d", "SqueezeExcite",
)  # fmt: skip


class Maker:
    """Draws layers from a seed; with `has_gaps`, some windows skip pixels (dilation, strides larger than the kernel)."""

    def __init__(self, seed: int, kinds: tuple[str, ...] = ALL, *, has_gaps: bool = True):
        self.draw = random.Random(seed)
        self.kinds = kinds
        self.has_gaps = has_gaps

    def side(self, low: int, high: int) -> int | list[int]:
        """Return a number for both sides, or one for each."""
        draw = self.draw
        return draw.randint(low, high) if draw.random() < 0.6 else [draw.randint(low, high), draw.randint(low, high)]

    def item(self, depth: int = 0) -> Item:
        """Return a layer of any kind with any parameters."""
        draw = self.draw
        kind = draw.choice(self.kinds)
        if kind in ("Residual", "Parallel", "Repeat", "SqueezeExcite"):
            if depth == 2:
                return "ReLU"
            if kind == "SqueezeExcite":
                return kind, {"reduction": draw.choice([1, 2, 4])}
            count = draw.randint(1, 3) if kind == "Parallel" else 1
            bodies = [[self.item(depth + 1) for _ in range(draw.randint(0 if kind == "Parallel" else 1, 3))] for _ in range(count)]
            params = {
                "Residual": {"projection": draw.choice(["conv", "conv_bn"]), "activation": draw.choice(["ReLU", "none"])},
                "Repeat": {"times": draw.randint(1, 4)},
            }.get(kind, {})
            return kind, params, bodies
        params = getattr(self, f"_{kind}", dict)()
        if "stride" in params and not self.has_gaps:
            pairs = zip(*(one if isinstance(one, list) else (one, one) for one in (params["kernel_size"], params["stride"])), strict=True)
            params["stride"] = [min(pair) for pair in pairs]
            params |= {key: 1 for key in ("dilation",) if key in params} | {key: 0 for key in ("output_padding",) if key in params}
        return kind, params

    def _Conv2d(self) -> dict:
        groups = self.draw.choice([1, 1, 1, 2, 3])
        padding = "same" if self.draw.random() < 0.3 else self.side(0, 3)
        stride = 1 if padding == "same" or self.draw.random() < 0.5 else self.side(1, 3)
        shape = {"kernel_size": self.side(1, 5), "stride": stride, "padding": padding, "dilation": self.side(1, 3)}
        return {"out_channels": self.channels(groups), "groups": groups, "bias": self.draw.random() < 0.5, **shape}

    def _DepthwiseConv2d(self) -> dict:
        made = self._Conv2d()
        return {
            **{key: value for key, value in made.items() if key not in ("out_channels", "groups")},
            "multiplier": self.draw.randint(1, 2),
        }

    def _PointwiseConv2d(self) -> dict:
        return {"out_channels": self.draw.randint(1, 8), "bias": self.draw.random() < 0.5}

    def _ConvTranspose2d(self) -> dict:
        draw, groups = self.draw, self.draw.choice([1, 1, 2, 3])
        shape = {"kernel_size": self.side(1, 4), "stride": self.side(1, 4), "padding": self.side(0, 2), "dilation": self.side(1, 2)}
        more = {"output_padding": draw.choice([0, 0, 1]), "bias": draw.random() < 0.5}
        return {"out_channels": self.channels(groups), "groups": groups, **shape, **more}

    def channels(self, groups: int) -> int:
        """Return a number of channels that these groups divide, often one that many groups of the next layer do too."""
        return self.draw.choice([count for count in (2, 3, 4, 6, 6, 6) if count % groups == 0])

    def _pool(self) -> dict:
        kernel = self.side(1, 4)
        most = min(kernel) // 2 if isinstance(kernel, list) else kernel // 2
        return {"kernel_size": kernel, "stride": self.side(1, 3), "padding": self.side(0, most), "ceil_mode": self.draw.random() < 0.5}

    _MaxPool2d = _AvgPool2d = _pool

    def _adaptive(self) -> dict:
        return {"output_size": self.side(1, 9)}

    _AdaptiveAvgPool2d = _AdaptiveMaxPool2d = _adaptive

    def _Upsample(self) -> dict:
        return {"scale_factor": self.draw.randint(1, 3), "mode": self.draw.choice(["nearest", "bilinear"])}

    def _GroupNorm(self) -> dict:
        return {"num_groups": self.draw.choice([1, 2, 3]), "affine": self.draw.random() < 0.5}

    def _BatchNorm2d(self) -> dict:
        return {"affine": self.draw.random() < 0.7}

    def _LayerNorm(self) -> dict:
        return {"elementwise_affine": self.draw.random() < 0.7}

    def _ELU(self) -> dict:
        return {"alpha": self.draw.choice([0.5, 1.0, 2.0])}

    def _LeakyReLU(self) -> dict:
        return {"negative_slope": round(self.draw.random(), 2)}

    def _LocalResponseNorm(self) -> dict:
        return {"size": self.draw.randint(1, 5)}

    def _Dropout(self) -> dict:
        return {"p": round(self.draw.random() * 0.9, 2)}

    _Dropout2d = _Dropout

    def _Linear(self) -> dict:
        return {"out_features": self.draw.randint(1, 9), "expects": self.draw.choice([0, 0, 7])}

    def shape(self) -> tuple[int, int, int]:
        return self.draw.choice([1, 3]), self.draw.randint(9, 28), self.draw.randint(9, 28)


def fitting_net(seed: int, kinds: tuple[str, ...] = ALL, *, with_head: bool = False, has_gaps: bool = True) -> Net:
    """Return a net that fits, of three to eight layers: a convolution, then layers of these kinds."""
    maker = Maker(seed, kinds, has_gaps=has_gaps)
    shape, first = maker.shape(), {"out_channels": 6, "kernel_size": maker.side(1, 5), "padding": 2}
    items = [("Conv2d", {**first, "dilation": maker.side(1, 2) if has_gaps else 1, "bias": maker.draw.random() < 0.5})]
    expected = maker.draw.randint(3, 8)
    for _try in range(40):
        if len(items) == expected:
            break
        tried = [*items, maker.item()]
        summary = summarise(make_net("", shape, *tried))
        sizes = [value_count(facts.output) for facts in summary.walk() if facts.output]
        if summary.problem is None and max(sizes) <= MAX_NUMBERS and summary.count < 60:
            items = tried
    if with_head:
        items += [maker.draw.choice(["GlobalAvgPool", "Flatten"]), ("Linear", {"out_features": 5, "bias": maker.draw.random() < 0.5})]
    return make_net("", shape, *items)


def any_net(seed: int) -> Net:
    """Return a net of one to four layers that may not fit."""
    maker = Maker(seed, (*ALL, "Linear", "Flatten", "GlobalAvgPool"))
    return make_net("", (maker.draw.choice([1, 3]), maker.draw.randint(1, 9), maker.draw.randint(1, 9)), *(
        maker.item() for _ in range(maker.draw.randint(1, 4))
    ))  # fmt: skip
