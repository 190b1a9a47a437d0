"""Receptive fields compared with the gradient of the real module with positive weights, for random nets of every kind of window."""

import pytest
import torch
from torch import nn

from tests.nets.random_nets import CLEAR, fitting_net
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, make_net
from vpc2.nets.summary.diff import compare
from vpc2.nets.summary.layer_summary import MAX_FOLLOWED, MAX_WINDOWS
from vpc2.nets.summary.receptive_field import Rectangle, field_centre, field_of, grid_of, pixels_reaching, unit_at
from vpc2.nets.summary.summarise import summarise


def reached(net: Net, units: list[tuple[int, int]]) -> list[Rectangle]:
    """Return the rectangle of pixels that the gradient of each unit reaches; a vector is one unit."""
    module = build_net(net).double().eval()
    torch.manual_seed(7)
    for weights in module.parameters():
        nn.init.uniform_(weights, 0.1, 1)
    given = torch.rand(1, *net.input, dtype=torch.double, requires_grad=True)
    out = module(given)
    result = []
    for unit in units:
        total = out[0].sum() if out.dim() == 2 else out[0, :, unit[0], unit[1]].sum()
        (gradient,) = torch.autograd.grad(total, given, retain_graph=True)
        seen = gradient[0].abs().sum(0) > 0
        rows, columns = seen.any(1).nonzero().flatten().tolist(), seen.any(0).nonzero().flatten().tolist()
        result.append(Rectangle(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if rows else Rectangle(0, 0, 0, 0))
    return result


def some_units(height: int, width: int) -> list[tuple[int, int]]:
    """Return units in the corners, in the middle and between, so that every phase of a window occurs."""
    rows, columns = ({0, side - 1, side // 2, side // 3, min(1, side - 1), max(0, side - 2)} for side in (height, width))
    return [*zip(sorted(rows), sorted(columns), strict=False), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]


def rounds(net: Net) -> bool:
    """True where a pixel may have a weight of 1e-17: interpolation at a third of a pixel, whose centre is on a pixel but for rounding."""
    smooth = [layer.params["scale_factor"] for layer in net.walk() if layer.params.get("mode") == "bilinear"]
    return any(factor % 2 and factor > 1 for factor in smooth)


def has_gaps(net: Net) -> bool:
    """True where windows skip pixels; a field is then the rectangle around those that are read."""
    for facts in summarise(net).walk():
        params = facts.layer.params
        if "kernel_size" not in params:
            continue
        pairs = [both(params.get(key, 1)) for key in ("kernel_size", "stride", "dilation")]
        if any(dilation > 1 or kernel < stride for kernel, stride, dilation in zip(*pairs, strict=True)):
            return True
    return False


def both(value: int | list[int]) -> tuple[int, int]:
    return tuple(value) if isinstance(value, list) else (value, value)


def check(net: Net, *, is_exact: bool = True) -> None:
    facts = summarise(net).layers[-1]
    units = some_units(*grid_of(facts))
    for unit, real in zip(units, reached(net, units), strict=True):
        said, field = pixels_reaching(facts, unit), field_of(facts, unit)
        if is_exact and not rounds(net) and not has_gaps(net):
            assert said == real, (unit, said, real)
        clipped = field.clipped(*net.input[1:])
        for rectangle in (said, clipped):
            if real.area:
                assert rectangle.top <= real.top and rectangle.left <= real.left, (unit, rectangle, real)
                assert rectangle.bottom >= real.bottom and rectangle.right >= real.right, (unit, rectangle, real)
        if facts.backward_path.cost <= MAX_WINDOWS and max(grid_of(facts)) * facts.backward_path.cost <= MAX_FOLLOWED:
            assert facts.receptive_field >= max(real.height, real.width)


@pytest.mark.parametrize("start", range(0, 400, 40))
def test_a_units_field_is_what_its_gradient_reaches(start):
    for seed in range(start, start + 40):
        check(fitting_net(seed, CLEAR, has_gaps=seed % 3 == 0))


def test_enough_of_the_random_nets_are_held_to_the_very_pixel():
    nets = [fitting_net(seed, CLEAR, has_gaps=seed % 3 == 0) for seed in range(400)]
    exact = [net for net in nets if not rounds(net) and not has_gaps(net)]
    uneven = [net for net in exact if not summarise(net).layers[-1].is_uniform]
    assert len(exact) > 80 and len(uneven) > 40


@pytest.mark.parametrize("start", range(1000, 1100, 50))
def test_a_dense_layers_field_is_what_its_gradient_reaches(start):
    for seed in range(start, start + 50):
        check(fitting_net(seed, CLEAR, with_head=True, has_gaps=seed % 3 == 0))


LEFT_OUT = {
    "adaptive pooling that does not divide": [
        ("Conv2d", {"out_channels": 4, "stride": 2, "padding": 1}), ("AdaptiveAvgPool2d", {"output_size": 5}),
    ],
    "adaptive pooling twice": [("AdaptiveAvgPool2d", {"output_size": [9, 7]}), ("AdaptiveAvgPool2d", {"output_size": 4})],
    "adaptive pooling that enlarges": [("AdaptiveAvgPool2d", {"output_size": 40}), ("Conv2d", {"out_channels": 4})],
    "bilinear behind a stride": [("Conv2d", {"out_channels": 4, "stride": 2}), ("Upsample", {"scale_factor": 3, "mode": "bilinear"})],
    "a stride behind bilinear": [("Upsample", {"scale_factor": 2, "mode": "bilinear"}), ("Conv2d", {"out_channels": 4, "stride": 3})],
    "nearest behind a stride": [("AvgPool2d", {"kernel_size": 3, "stride": 2}), ("Upsample", {"scale_factor": 3}), ("Conv2d", {})],
    "a kernel under its stride": [
        ("Conv2d", {"out_channels": 4, "stride": 2}),
        ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 1, "stride": 3}),
        ("Conv2d", {}),
    ],
    "a kernel over its stride": [
        ("Conv2d", {"out_channels": 4}),
        ("ConvTranspose2d", {"out_channels": 3, "kernel_size": 5, "stride": 2, "padding": 2}),
        ("Conv2d", {}),
    ],
    "a dilated transposed convolution": [
        ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "stride": 2, "dilation": 3, "output_padding": 2}), "ReLU",
    ],
    "a skip over both": [
        ("Residual", {"projection": "conv"}, [[("AdaptiveAvgPool2d", {"output_size": [4, 5]}), ("Upsample", {"mode": "bilinear"})]]),
        ("Conv2d", {}),
    ],
    "a repetition that keeps its sides": [
        ("Repeat", {"times": 7}, [[("AvgPool2d", {"kernel_size": 2, "stride": 2}), ("Upsample", {"mode": "bilinear"})]]), ("Conv2d", {}),
    ],
    "vectors of two sizes side by side": [
        ("Parallel", {}, [["GlobalAvgPool"], [("AvgPool2d", {"kernel_size": 4, "stride": 7}), "Flatten"]]), ("Linear", {}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", list(LEFT_OUT))
@pytest.mark.parametrize("sides", [(24, 30), (32, 30)])
def test_no_pixel_that_a_unit_sees_is_left_out(name, sides):
    net = make_net("", (3, *sides), *LEFT_OUT[name])
    assert summarise(net).problem is None
    check(net)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_upsampling_by_any_factor_looks_at_what_torch_looks_at(mode):
    for factor in (1, 2, 4, 6, 8, 10, 12, 14, 16) if mode == "bilinear" else range(1, 17):
        net = make_net("", (1, 9, 5), ("Upsample", {"scale_factor": factor, "mode": mode}))
        facts = summarise(net).layers[-1]
        units = [(row, row % (5 * factor)) for row in range(9 * factor)]
        assert [pixels_reaching(facts, unit) for unit in units] == reached(net, units)


def test_a_pooling_that_keeps_the_largest_sees_no_more():
    for seed in range(2000, 2060):
        check(fitting_net(seed, (*CLEAR, "MaxPool2d", "MaxPool2d", "AdaptiveMaxPool2d")), is_exact=False)


@pytest.mark.parametrize("key", list(NETS))
def test_the_headline_and_the_comparison_have_one_receptive_field(key):
    net = NETS[key].net
    summary = summarise(net)
    pictures = [facts.receptive_field for facts in summary.layers if len(facts.output) == 3]
    assert summary.receptive_field == compare(net, net).field.left == (pictures or [0])[-1]


def test_the_headline_is_not_cut_at_the_picture():
    assert summarise(NETS["vgg16"].net).receptive_field == 212
    deep = make_net("", (3, 9, 9), ("Repeat", {"times": 9}, [[("Conv2d", {"out_channels": 4, "padding": 1})]]), "Flatten", ("Linear", {}))
    assert summarise(deep).receptive_field == 19  # 1 + 9*2, more than the 9 pixels that there are


def test_the_unit_over_the_middle_of_a_units_field_is_that_unit():
    for key in ("lenet5", "small", "alexnet"):
        for facts in summarise(NETS[key].net).layers:
            if facts.output is None or len(facts.output) != 3:
                continue
            for row in {0, facts.output[1] // 3, facts.output[1] - 1}:
                for column in {0, facts.output[2] // 2, facts.output[2] - 1}:
                    assert unit_at(facts, *field_centre(facts, (row, column))) == (row, column), (key, facts.name)
