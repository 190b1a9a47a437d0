"""Comparison of two nets: every layer is in one row, the numbers equal torch's, and the lessons contain them."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, edit_param, edit_remove, make_net
from vpc2.nets.summary.diff import CHANGED, LEFT, RIGHT, SAME, compare
from vpc2.nets.summary.lessons import PAIRS, lesson_of, note_of, sides_giving
from vpc2.nets.summary.summarise import summarise


def items(depth: int):
    leaves = st.one_of(
        st.builds(lambda out, kernel: ("Conv2d", {"out_channels": out, "kernel_size": kernel}), st.sampled_from([2, 3]), st.integers(1, 3)),
        st.sampled_from(["ReLU", "BatchNorm2d", ("MaxPool2d", {"kernel_size": 2, "stride": 1})]),
    )
    if depth == 0:
        return leaves
    body = st.lists(items(depth - 1), max_size=3)
    return st.one_of(
        leaves,
        st.builds(lambda inner: ("Residual", {}, [inner]), body),
        st.builds(lambda inner: ("Parallel", {}, inner), st.lists(body, min_size=1, max_size=2)),
        st.builds(lambda times, inner: ("Repeat", {"times": times}, [inner]), st.integers(1, 3), body),
        st.just(("SqueezeExcite", {"reduction": 2})),
    )


RANDOM = st.builds(lambda made: make_net("", (3, 16, 16), *made), st.lists(items(2), max_size=6))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(RANDOM, RANDOM)
def test_every_layer_stands_in_one_row_in_its_order(left, right):
    comparison = compare(left, right)
    for side, net in (("left", left), ("right", right)):
        summary = summarise(net)
        shown = [getattr(row, side) for row in comparison.rows if getattr(row, side)]
        told = lambda facts: (facts.layer, facts.name, facts.output, facts.params)  # noqa: E731
        assert [told(item.facts) for item in shown] == [told(facts) for facts in summary.walk()]
        assert sum(item.params for item in shown) == summary.params == getattr(comparison.params, side)
        assert getattr(comparison.macs, side) == summary.macs
        assert getattr(comparison.activation_bytes, side) == summary.activation_bytes
    for row in comparison.rows:
        assert (row.left is None, row.right is None) == (row.mark == RIGHT, row.mark == LEFT)
        if row.left and row.right:
            one, other = row.left.facts, row.right.facts
            is_same = (one.layer.params, one.output, one.params, one.macs) == (other.layer.params, other.output, other.params, other.macs)
            assert one.kind == other.kind and is_same == (row.mark == SAME)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(RANDOM)
def test_a_net_against_itself_differs_in_nothing(net):
    comparison = compare(net, net)
    assert {row.mark for row in comparison.rows} <= {SAME}
    assert not comparison.params.difference and not comparison.field.difference


@settings(max_examples=60, deadline=None, derandomize=True)
@given(RANDOM.filter(lambda net: any(layer.kind == "ReLU" for layer in net.layers)))
def test_a_layer_that_was_taken_out_is_the_only_difference(net):
    gone = next(layer for layer in net.layers if layer.kind == "ReLU")
    comparison = compare(net, edit_remove(net, gone.id))
    assert [row.left.facts.kind for row in comparison.rows if row.mark == LEFT] == ["ReLU"]
    assert comparison.count(RIGHT) == comparison.count(CHANGED) == 0


def test_a_knob_that_was_turned_is_named():
    net = make_net("", (3, 16, 16), ("Conv2d", {"out_channels": 2000, "padding": 1}), "ReLU")
    turned = edit_param(net, net.layers[0].id, "kernel_size", [3, 5])
    turned = edit_param(turned, net.layers[0].id, "bias", False)
    conv, relu = compare(net, turned).rows
    assert [text.en for text in conv.differences] == ["Kernel: 3 → 3 × 5", "Bias: yes → no"]
    assert [text.say("es") for text in conv.differences] == ["Núcleo: 3 → 3 × 5", "Sesgo: sí → no"]
    assert relu.mark == CHANGED and not relu.differences  # its image is narrower: the row's shapes tell
    narrow, relu = compare(net, edit_param(net, net.layers[0].id, "out_channels", 1000)).rows
    assert [text.say("es") for text in narrow.differences] == ["Filtros: 2.000 → 1.000"]
    assert [text.en for text in relu.differences] == ["What comes in: 2,000 → 1,000"]


def test_nets_too_long_to_weigh_every_pair_show_their_outermost_layers():
    long = make_net("", (3, 8, 8), *[("Repeat", {}, [["ReLU", "Tanh"]])] * 333)
    longer = make_net("", (3, 8, 8), "Sigmoid", *[("Repeat", {}, [["Tanh", "ReLU", "Tanh", "Sigmoid"]])] * 199)
    fine = compare(long, make_net("", (3, 8, 8), "ReLU"))
    assert not fine.is_outermost and len([row for row in fine.rows if row.left]) == 999
    few = compare(make_net("", (3, 8, 8), *[("SqueezeExcite", {})] * 999), longer)
    assert few.is_outermost
    assert [row.left.facts for row in few.rows if row.left] == list(few.left.layers)
    assert sum(row.left.params for row in few.rows if row.left) == few.left.params


def torch_params(net: Net) -> int:
    """Return torch's parameter count on the meta device for a net of plain and residual layers, built without our module."""
    images, count = torch.zeros(2, *net.input, device="meta"), 0

    def through(layers, images):
        nonlocal count
        for layer in layers:
            p = layer.params
            if layer.kind == "Residual":
                body = through(layer.branches[0], images)
                if body.shape != images.shape:
                    step = images.shape[2] // body.shape[2]
                    shortcut = nn.Sequential(
                        nn.Conv2d(images.shape[1], body.shape[1], 1, step, bias=False, device="meta"),
                        nn.BatchNorm2d(body.shape[1], device="meta"),
                    )
                    count += sum(q.numel() for q in shortcut.parameters())
                    images = shortcut(images)
                images = body + images
                continue
            make = {
                "Conv2d": lambda p, c: nn.Conv2d(c, p["out_channels"], p["kernel_size"], p["stride"], p["padding"], bias=p["bias"]),
                "MaxPool2d": lambda p, c: nn.MaxPool2d(p["kernel_size"], p["stride"]),
                "AdaptiveAvgPool2d": lambda p, c: nn.AdaptiveAvgPool2d(p["output_size"]),
                "BatchNorm2d": lambda p, c: nn.BatchNorm2d(c),
                "Linear": lambda p, c: nn.Linear(c, p["out_features"]),
                "Flatten": lambda p, c: nn.Flatten(),
                "GlobalAvgPool": lambda p, c: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            }.get(layer.kind)
            if make:
                module = make(p, images.shape[1]).to("meta")
                count += sum(q.numel() for q in module.parameters())
                images = module(images)
            else:
                assert layer.kind in ("ReLU", "Dropout", "LocalResponseNorm")  # keep shapes and hold nothing
        return images

    through(net.layers, images)
    return count


@pytest.mark.parametrize("key", list(PAIRS))
def test_a_pairs_parameters_are_torchs(key):
    pair = PAIRS[key]
    comparison = compare(pair.left.net, pair.right.net)
    with torch.device("meta"):
        assert (comparison.params.left, comparison.params.right) == (torch_params(pair.left.net), torch_params(pair.right.net))


@pytest.mark.parametrize(
    ("key", "english", "spanish"),
    [
        ("5x5-3x3", ["5 × 5 pixels", "18 weights instead of 25", "28 % fewer"], ["18 pesos en vez de 25", "28 % menos"]),
        ("7x7-3x3", ["7 × 7 pixels", "27 weights instead of 49", "45 % fewer"], ["27 pesos en vez de 49", "45 % menos"]),
        ("dense-convolution", ["2,764.8 million parameters", "4,864", "4,482.7"], ["2.764,8 millones", "4.864", "4.482,7"]),
        ("alexnets", ["62.4 and 61.1", "1,136 and 715", "61 % (fc1)"], ["62,4 y 61,1", "1.136 y 715"]),
        ("vggs", ["16 layers with weights against 19", "4 % more", "27 % more", "74 % and 72 %"], ["16 capas", "27 % más"]),
        ("plain-residual", ["2,752 parameters", "1.6 % more"], ["2.752 parámetros", "1,6 % más"]),
    ],
)
def test_a_lesson_says_its_numbers_in_both_languages(key, english, spanish):
    lesson = lesson_of(PAIRS[key], compare(PAIRS[key].left.net, PAIRS[key].right.net))
    assert all(part in lesson.en for part in english), lesson.en
    assert all(part in lesson.say("es") for part in spanish), lesson.say("es")


def pooled_by_torchvision(side: int) -> list[int]:
    """Return the side of the image after each pooling of torchvision's own VGG-16."""
    with torch.device("meta"):
        features, images, sides = torchvision.models.vgg16().features, torch.zeros(1, 3, side, side), []
        for module in features:
            images = module(images)
            if isinstance(module, nn.MaxPool2d):
                sides.append(images.shape[-1])
    return sides


def test_what_the_note_says_of_vgg_is_true_of_torchvisions():
    assert pooled_by_torchvision(224) == [112, 56, 28, 14, 7]
    printed = [66, 33, 16, 8]
    fits = [side for side in range(256, 276) if pooled_by_torchvision(side)[1:] == printed]
    assert list(sides_giving(NETS["vgg16"].net, printed)) == fits == [264, 265, 266, 267]
    assert not sides_giving(NETS["vgg16"].net, [66, 33, 17, 8])
    for key in ("vgg16", "vgg19"):
        note = note_of(NETS[key].net)
        assert "66, 33, 16, 8" in note.en and "112, 56, 28, 14, 7" in note.en and "floor((112 - 2)/2) + 1 = 56" in note.en
        assert "264 a 267" in note.say("es")


def test_a_note_is_said_of_the_layers_and_of_no_other_net():
    vgg = NETS["vgg16"].net
    assert note_of(Net((3, 32, 32), vgg.layers, "mine")) == note_of(vgg)
    assert note_of(edit_param(vgg, vgg.layers[0].id, "out_channels", 65)) is None
    assert [key for key in NETS if note_of(NETS[key].net)] == ["vgg16", "vgg19"]
