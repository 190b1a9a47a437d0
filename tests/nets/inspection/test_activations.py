"""Receptive fields and activations, compared with gradients, hooks and torch's own layers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from vpc2.images.samples import load_sample
from vpc2.nets.inspection import activations, effective_field, window
from vpc2.nets.inspection.kernels import KERNELS
from vpc2.nets.inspection.window import PIXEL, close_up
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, edit_add, make_net
from vpc2.nets.summary.receptive_field import (
    Rectangle,
    field_centre,
    field_of,
    fields_up_to,
    grid_of,
    has_field,
    unit_at,
    whole_image_layers,
)
from vpc2.nets.summary.summarise import summarise
from vpc2.rng import drawing, seed_of
from vpc2.text import Refusal


def conv(out, kernel, **params):
    return "Conv2d", {"out_channels": out, "kernel_size": kernel, **params}


BODY = [conv(8, 3, padding=1, stride=2), ("BatchNorm2d", {}), ("ReLU", {}), conv(8, 3, padding=1)]
BRANCHES = [
    [conv(4, 1)],
    [conv(4, 1), ("ReLU", {}), conv(4, [3, 5], padding="same")],
    [("MaxPool2d", {"kernel_size": 3, "stride": 1, "padding": 1})],
]
BLOCKY = make_net(
    "blocks",
    (3, 40, 36),
    conv(6, 5, stride=2),
    ("Residual", {}, [BODY]),
    ("Parallel", {}, BRANCHES),
    ("Repeat", {"times": 3}, [[conv(16, 3, padding=2, dilation=2), ("ReLU", {})]]),
    ("Upsample", {"mode": "bilinear"}),
    ("AdaptiveAvgPool2d", {"output_size": [3, 4]}),
)
SMALL = NETS["tiny"].net


def reached_by(net: Net, layer_id: str, unit) -> torch.Tensor:
    """Return the pixels (H, W) that influence a unit: by the gradient of a prefix with positive weights, in double precision."""
    at = [layer.id for layer in net.layers].index(layer_id)
    module = build_net(Net(net.input, net.layers[: at + 1])).double().eval()
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.5)
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.reset_running_stats()
    images = torch.ones(1, *net.input, dtype=torch.double, requires_grad=True)
    out = module(images)
    value = out[0, :, unit[0], unit[1]].sum() if out.dim() == 4 else out[0].sum()
    (gradient,) = torch.autograd.grad(value, images)
    return gradient[0].abs().sum(0) > 0


def bounds(reached: torch.Tensor) -> Rectangle:
    rows, columns = reached.any(1).nonzero().flatten(), reached.any(0).nonzero().flatten()
    return Rectangle(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


@st.composite
def stacks(draw):
    net = Net((1, draw(st.integers(20, 40)), draw(st.integers(20, 40))))
    sides = st.lists(st.integers(1, 4), min_size=2, max_size=2)
    for _ in range(draw(st.integers(1, 4))):
        params = {"kernel_size": draw(sides), "stride": draw(st.integers(1, 3))}
        if draw(st.booleans()):
            net = edit_add(net, "AvgPool2d", params)
        else:
            more = {"out_channels": 1, "dilation": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 2))}
            net = edit_add(net, "Conv2d", {**params, **more})
    return net, draw(st.floats(0, 1)), draw(st.floats(0, 1))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(stacks())
def test_the_rectangle_of_any_unit_is_what_its_gradient_reaches(drawn):
    net, down, across = drawn
    summary = summarise(net)
    if summary.problem is not None:
        return
    last = summary.layers[-1]
    unit = tuple(min(int(share * count), count - 1) for share, count in zip((down, across), grid_of(last), strict=True))
    clipped = field_of(last, unit).clipped(*net.input[1:])
    reached = reached_by(net, last.id, unit)
    if not reached.any():  # a unit in the corner of the padding
        return
    seen = bounds(reached)
    # With a stride or dilation the first or last pixel inside may lie in a gap; never is one reached outside.
    assert clipped.top <= seen.top and clipped.left <= seen.left and clipped.bottom >= seen.bottom and clipped.right >= seen.right
    if field_of(last, unit) == clipped and all(facts.layer.params["stride"] == 1 for facts in summary.layers):
        assert seen == clipped


@pytest.mark.parametrize("layer", [layer.id for layer in BLOCKY.layers])
@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_rectangles_of_residual_parallel_repeated_and_enlarged_layers_hold_all_that_the_gradient_reaches(layer, corner):
    facts = summarise(BLOCKY).find(layer)
    unit = tuple(int(share * (count - 1)) for share, count in zip(corner, grid_of(facts), strict=True))
    seen, said = bounds(reached_by(BLOCKY, layer, unit)), field_of(facts, unit).clipped(*BLOCKY.input[1:])
    assert said.top <= seen.top and said.left <= seen.left and said.bottom >= seen.bottom and said.right >= seen.right
    if corner == (0.5, 0.5) and facts.kind in ("Conv2d", "Residual", "Parallel"):
        assert said == seen


@pytest.mark.parametrize("layer", [facts.id for facts in summarise(BLOCKY).walk() if not facts.id.count(".")])
def test_no_energy_lies_outside_of_the_rectangle_also_for_layers_inside_blocks(layer):
    facts = summarise(BLOCKY).find(layer)
    unit = tuple(count // 2 for count in grid_of(facts))
    found = effective_field.effective_field(BLOCKY, layer, unit)
    assert found.energy.sum() == pytest.approx(1) and not found.is_dead
    assert found.share_inside(field_of(facts, unit)) == pytest.approx(1, abs=1e-12)
    assert found.heat.max() == 1 and found.heat.min() >= 0


def test_a_rectangle_moved_by_one_pixel_loses_energy():
    """The check above can fail: the energy reaches every side of the rectangle."""
    net = make_net("", (1, 21, 21), conv(4, 3), conv(4, 3))
    last, unit = summarise(net).layers[-1], (8, 8)
    field, found = field_of(last, unit), effective_field.effective_field(net, last.id, unit)
    for down, across in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        moved = Rectangle(field.top + down, field.left + across, field.bottom + down, field.right + across)
        assert found.share_inside(moved) < 0.999
    assert field.area == 25 and found.energy_pixels <= 25


def test_most_of_a_deep_field_is_in_its_middle():
    """As Luo and others found: the deeper the net, the smaller the share of the field that has the energy."""
    shares = []
    for depth in (1, 4, 12):
        net = make_net("", (1, 51, 51), *[conv(8, 3, padding=1)] * depth)
        last = summarise(net).layers[-1]
        found = effective_field.effective_field(net, last.id, (25, 25))
        shares.append(found.energy_pixels / field_of(last, (25, 25)).area)
    assert shares[0] > shares[1] > shares[2]


def test_a_layer_that_looks_at_the_whole_picture_is_named_and_found_outside():
    net = make_net("", (1, 24, 24), conv(4, 3, padding=1), ("GroupNorm", {"num_groups": 2}), conv(4, 3, padding=1))
    last = summarise(net).layers[-1]
    assert whole_image_layers(summarise(net), last.id) == (summarise(net).layers[1].name,)
    assert effective_field.effective_field(net, last.id, (12, 12)).share_inside(field_of(last, (12, 12))) < 1


def test_a_dense_layer_and_a_global_mean_see_all():
    net = make_net("", (3, 24, 24), conv(4, 3), "GlobalAvgPool", ("Linear", {"out_features": 5}), "Softmax")
    summary = summarise(net)
    assert [has_field(facts) for facts in summary.layers] == [True, True, True, False]
    for facts in summary.layers[1:3]:
        assert field_of(facts, (0, 0)).clipped(24, 24) == Rectangle(0, 0, 24, 24)
        assert effective_field.effective_field(net, facts.id, (0, 0)).energy_pixels > 400


def test_a_unit_that_nothing_moves_is_told_apart():
    net = make_net("", (1, 8, 8), conv(1, 3), "Softmax")  # of one channel, always 1
    found = effective_field.effective_field(net, net.layers[1].id, (4, 4))
    assert found.is_dead and found.energy_pixels == 0 and not found.heat.any()


@pytest.mark.parametrize("key", ["small", "vgg16"])
def test_nested_rectangles_grow_around_one_place(key):
    net = NETS[key].net
    summary = summarise(net)
    last = [facts for facts in summary.layers if len(facts.output or ()) == 3][-1]
    unit = unit_at(last, net.input[1] / 2, net.input[2] / 2)
    fields = fields_up_to(summary, last.id, unit)
    assert fields[-1] == (last, field_of(last, unit))
    assert [field.area for _, field in fields] == sorted(field.area for _, field in fields)
    whole = fields[-1][1]
    for facts, field in fields:
        assert (field.height, field.width) == (facts.receptive_field,) * 2  # these nets are square
        assert abs(field.top + field.bottom - whole.top - whole.bottom) <= 2 * facts.jump


@pytest.mark.parametrize("net", [NETS["alexnet"].net, BLOCKY], ids=["alexnet", "blocks"])
def test_the_point_in_the_middle_of_a_field_finds_its_unit(net):
    for facts in summarise(net).layers:
        if len(facts.output) == 3:
            rows, columns = grid_of(facts)
            for unit in ((0, 0), (rows // 3, columns // 2), (rows - 1, columns - 1)):
                assert unit_at(facts, *field_centre(facts, unit)) == unit
            assert unit_at(facts, -1e6, 1e6) == (0, columns - 1)


# --- activations


@pytest.fixture(scope="module")
def photo():
    return load_sample("chelsea").pixels


def test_a_photograph_is_fitted_as_a_classifier_does(photo):
    expected = np.asarray(Image.fromarray(photo).resize((20, 30), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    assert np.allclose(activations.fit_photo(photo, (3, 30, 20)).permute(1, 2, 0), expected)
    grey = activations.fit_photo(photo, (1, 30, 20))
    assert grey.shape == (1, 30, 20) and np.abs(grey[0].numpy() - expected @ [0.299, 0.587, 0.114]).max() < 0.02


def whole_by_hand(net: Net, seed: int) -> nn.Module:
    with drawing(seed_of("looking", seed)):
        return build_net(net).eval()


@pytest.mark.parametrize("net", [SMALL, BLOCKY], ids=["plain", "blocks"])
def test_activations_are_those_of_the_whole_net_run_plainly(net, photo):
    image, module, values = activations.fit_photo(photo, net.input), whole_by_hand(net, 7), []
    with torch.no_grad():
        value = image[None]
        for child in module:  # by hand: one child after another
            value = child(value)
            values.append(value[0])
    for layer, expected in zip(net.layers, values, strict=True):
        found = activations.run_photo(net, layer.id, image, seed=7)
        assert torch.equal(found.output, expected)
    assert torch.equal(found.input, values[-2])


def test_activations_inside_blocks_are_those_of_the_layers_called_by_hand(photo):
    image, module = activations.fit_photo(photo, BLOCKY.input), whole_by_hand(BLOCKY, 1)
    first, residual, parallel, repeat = module[:4]
    with torch.no_grad():
        a = first(image[None])
        b = residual(a)
        expected = {
            BLOCKY.layers[1].branches[0][1].id: residual.body[1](residual.body[0](a)),
            BLOCKY.layers[2].branches[1][2].id: parallel.branches[1](b),
            BLOCKY.layers[3].branches[0][0].id: repeat[0][0](parallel(b)),
            summarise(BLOCKY).layers[1].branches[-1][0].id: residual.shortcut[0](a),
        }
    for layer_id, value in expected.items():
        assert torch.equal(activations.run_photo(BLOCKY, layer_id, image, seed=1).output, value[0]), layer_id


def test_a_seed_repeats_another_differs_and_the_global_generator_stays(photo):
    image, layer = activations.fit_photo(photo, SMALL.input), SMALL.layers[0].id
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = (activations.run_photo(SMALL, layer, image, seed=seed).output for seed in (1, 1, 2))
    fields = [effective_field.effective_field(SMALL, layer, (3, 3)).energy for _ in range(2)]
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert np.array_equal(*fields)
    assert torch.equal(before, torch.random.get_rng_state())


def test_maps_say_what_they_show():
    output = torch.stack([torch.full((4, 5), 2.0), torch.arange(20.0).view(4, 5), *torch.zeros(70, 4, 5)])
    own, together = activations.to_feature_maps(output), activations.to_feature_maps(output, together=True)
    assert own.maps.shape == (64, 4, 5) and own.channels == 72
    assert (own.low[1], own.high[1], own.mean[1], own.zeros[1]) == pytest.approx((0, 19, 9.5, 0.05))
    assert own.maps[1].max() == 255 and own.maps[1].min() == 0
    assert together.maps[0].max() == round(255 * 2 / 19) and set(together.high) == {19}
    assert own.zeros_of_all == pytest.approx((70 * 20 + 1) / (72 * 20))
    assert activations.to_feature_maps(output, first=64).maps.shape == (8, 4, 5)
    assert activations.to_feature_maps(torch.arange(10.0)).maps.shape == (1, 3, 4)


def test_what_is_too_large_or_does_not_fit_is_told_before_it_is_built(photo):
    vgg = NETS["vgg19"].net
    with pytest.raises(Refusal, match="MB"):
        activations.run_photo(vgg, vgg.layers[-1].id, activations.fit_photo(photo, vgg.input))
    wide = make_net("", (3, 1024, 1024), conv(32, 11, padding=5), conv(32, 11, padding=5))
    with pytest.raises(Refusal, match="million"):
        effective_field.effective_field(wide, wide.layers[1].id, (5, 5))
    broken = make_net("", (3, 8, 8), conv(4, 3), conv(4, 30))
    assert activations.run_photo(broken, broken.layers[0].id, torch.zeros(3, 8, 8)).output.shape == (4, 6, 6)
    with pytest.raises(Refusal, match="30"):
        activations.run_photo(broken, broken.layers[1].id, torch.zeros(3, 8, 8))
    with pytest.raises(Refusal):
        activations.run_photo(broken, "gone", torch.zeros(3, 8, 8))


# --- one window


def spelled(shown: window.CloseUp, row: int, column: int) -> float:
    """Return the output computed from the cells that are shown."""
    geometry, terms, pooled = shown.geometry, [], []
    for a in range(geometry.kernel[0]):
        for b in range(geometry.kernel[1]):
            y = row * geometry.stride[0] + a * geometry.dilation[0]
            x = column * geometry.stride[1] + b * geometry.dilation[1]
            value = shown.cells[y][x]
            if shown.op == "sum":
                terms.append(value * shown.kernel[a][b])
            elif value is not None:
                pooled.append(value)
    if shown.op == "sum":
        return sum(terms) / shown.divisor + shown.bias
    return max(pooled) if shown.op == "max" else sum(pooled) / len(pooled)


@st.composite
def windows(draw):
    side = st.integers(6, 14)
    kernel = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    params = {"kernel_size": kernel, "stride": [draw(st.integers(1, 3)), draw(st.integers(1, 3))]}
    kind = draw(st.sampled_from(["Conv2d", "MaxPool2d", "AvgPool2d"]))
    if kind == "Conv2d":
        params |= {"dilation": draw(st.integers(1, 2)), "padding": draw(st.sampled_from([0, 1, 2])), "out_channels": 2}
        if params["stride"] == [1, 1]:
            params["padding"] = draw(st.sampled_from([0, 2, "same"]))
    else:
        params |= {"padding": min(kernel) // 2, "ceil_mode": draw(st.booleans())}
    return make_net("", (1, draw(side), draw(side)), (kind, params)), draw(st.floats(0, 1)), draw(st.integers(0, 1))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(windows())
def test_what_is_spelled_out_is_what_the_layer_itself_gives(drawn):
    net, share, channel = drawn
    facts = summarise(net).layers[0]
    if facts.output is None:
        return
    image = torch.rand(net.input, generator=torch.Generator().manual_seed(3))
    layer_pass = activations.run_photo(net, facts.id, image)
    unit = tuple(int(share * (count - 1)) for count in grid_of(facts))
    if facts.kind == "Conv2d":
        kernel, seen, bias = window.own_kernel(layer_pass.module, channel, 0)
        assert seen == 0 and bias is not None
        shown = close_up(facts, image[0], unit, kernel, bias=bias)
    else:
        channel, shown = 0, close_up(facts, image[0], unit)
    assert torch.allclose(shown.result, layer_pass.output[channel], atol=1e-5)
    rows, columns = len(shown.outputs), len(shown.outputs[0])
    assert shown.first[0] <= unit[0] < shown.first[0] + rows and shown.first[1] <= unit[1] < shown.first[1] + columns
    for row in range(rows):
        for column in range(columns):
            expected = float(layer_pass.output[channel, shown.first[0] + row, shown.first[1] + column])
            assert shown.outputs[row][column] == pytest.approx(expected, abs=1e-5)
            assert spelled(shown, row, column) == pytest.approx(expected, abs=1e-5)
    for y, (cells, kinds) in enumerate(zip(shown.cells, shown.kinds, strict=True)):
        for x, (value, kind) in enumerate(zip(cells, kinds, strict=True)):
            if kind == PIXEL:
                assert value == float(image[0, shown.origin[0] + y, shown.origin[1] + x])


@pytest.mark.parametrize("key", list(KERNELS))
def test_known_kernels_give_whole_numbers_that_scipy_gives_too(key, photo):
    ndimage = pytest.importorskip("scipy.ndimage")
    plane = torch.tensor(np.asarray(Image.fromarray(photo).convert("L").resize((32, 32))), dtype=torch.float32)
    net = make_net("", (1, 32, 32), conv(1, 3))
    kernel = KERNELS[key]
    shown = close_up(summarise(net).layers[0], plane, (9, 9), window.example_kernel(kernel, (3, 3)), divisor=kernel.divisor)
    expected = ndimage.correlate(plane.numpy(), np.array(kernel.rows, dtype=np.float32))[1:-1, 1:-1] / kernel.divisor
    assert np.allclose(shown.result, expected, atol=1e-3)


def test_a_filter_of_a_group_sees_the_channels_of_its_group():
    module = nn.Conv2d(4, 6, 3, groups=2)
    kernel, channel, bias = window.own_kernel(module, 5, 0)
    assert channel == 2 and torch.equal(kernel, module.weight[5, 0]) and bias is None
    kernel, channel, bias = window.own_kernel(nn.Conv2d(3, 6, 3, groups=3), 4, 0)
    assert channel == 2 and bias is not None


def test_a_window_too_wide_to_read_is_refused_in_words():
    net = make_net("", (1, 64, 64), conv(1, 9, dilation=2))
    with pytest.raises(Refusal, match="17 × 17"):
        close_up(summarise(net).layers[0], torch.zeros(64, 64), (3, 3), torch.zeros(9, 9))
