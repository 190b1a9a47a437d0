"""Nets with blocks: arithmetic compared with torch, modules compared with exported code, edits and documents."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vpc2 import codec
from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.spec import (
    MAX_NESTING,
    Net,
    Place,
    edit_add,
    edit_branches,
    edit_duplicate,
    edit_layer,
    edit_move,
    edit_paste,
    edit_remove,
    make_net,
)
from vpc2.nets.summary.summarise import summarise
from vpc2.system.host import LIMITS
from vpc2.text import Refusal

CONV = ("Conv2d", {"out_channels": 4, "padding": 1})


class Refused(Exception):
    """torch refuses these layers, or this reference does not support them."""


def by_hand(layers, images, counted):
    """Return the output of layers for images on the meta device, with torch alone; `counted` collects (parameters, outputs)."""
    for layer in layers:
        kind, p = layer.kind, layer.params
        if kind == "Residual":
            body = by_hand(layer.branches[0], images, counted)
            shortcut = images
            if body.shape != images.shape:
                if p["projection"] == "none" or body.ndim != 4 or images.ndim != 4:
                    raise Refused
                strides = [
                    next((s for s in range(1, 65) if math.ceil(n / s) == m), None)
                    for n, m in zip(images.shape[2:], body.shape[2:], strict=True)
                ]
                if None in strides:
                    raise Refused
                has_norm = p["projection"] == "conv_bn"
                made = [nn.Conv2d(images.shape[1], body.shape[1], 1, strides, bias=not has_norm)]
                for module in [*made, *([nn.BatchNorm2d(body.shape[1])] if has_norm else [])]:
                    shortcut = module.eval()(shortcut)
                    counted.append((sum(q.numel() for q in module.parameters()), shortcut[0].numel()))
            images = body + shortcut
        elif kind == "Parallel":
            outs = [by_hand(branch, images, counted) for branch in layer.branches]
            if len({tuple(out.shape[2:]) for out in outs}) > 1 or len({out.ndim for out in outs}) > 1:
                raise Refused
            images = torch.cat(outs, 1)
        elif kind == "Repeat":
            for _ in range(p["times"]):
                images = by_hand(layer.branches[0], images, counted)
            continue
        elif kind == "SqueezeExcite":
            if images.ndim != 4:
                raise Refused
            channels, squeezed = images.shape[1], max(1, images.shape[1] // p["reduction"])
            gate = images
            made = (nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, channels, 1), nn.Sigmoid())
            for module in made:
                gate = module(gate)
                counted.append((sum(q.numel() for q in module.parameters()), gate[0].numel()))
            images = images * gate
        else:
            module = plain(kind, p, images)
            try:
                images = module.eval()(images)
            except RuntimeError:
                raise Refused from None
            counted.append((sum(q.numel() for q in module.parameters()), images[0].numel()))
            continue
        counted.append((0, images[0].numel()))
    return images


def plain(kind, p, images):
    if images.ndim != 4 and kind in ("Conv2d", "MaxPool2d"):
        raise Refused
    if kind == "Conv2d":
        return nn.Conv2d(images.shape[1], p["out_channels"], p["kernel_size"], p["stride"], p["padding"], bias=p["bias"])
    if kind == "MaxPool2d":
        return nn.MaxPool2d(p["kernel_size"], p["stride"], p["padding"])
    if kind == "BatchNorm2d":
        return (nn.BatchNorm2d if images.ndim == 4 else nn.BatchNorm1d)(images.shape[1])
    return {"ReLU": nn.ReLU, "Flatten": nn.Flatten}[kind]()


def items(depth: int):
    conv = st.builds(
        lambda out, kernel, stride, pad: (
            "Conv2d",
            {"out_channels": out, "kernel_size": kernel, "stride": stride, "padding": pad, "bias": pad == 1},
        ),
        st.sampled_from([2, 3, 4]),
        st.sampled_from([1, 3]),
        st.sampled_from([1, 1, 2]),
        st.sampled_from([0, 1, "same"]),
    ).filter(lambda item: item[1]["padding"] != "same" or item[1]["stride"] == 1)
    pool = st.just(("MaxPool2d", {"kernel_size": 3, "stride": 1, "padding": 1}))
    leaves = st.one_of(conv, conv, pool, st.sampled_from(["ReLU", "BatchNorm2d"]))
    if depth == 0:
        return leaves
    body = st.lists(items(depth - 1), max_size=3)
    return st.one_of(
        leaves,
        st.builds(
            lambda inner, projection, activation: ("Residual", {"projection": projection, "activation": activation}, [inner]),
            body,
            st.sampled_from(["conv_bn", "conv", "none"]),
            st.sampled_from(["ReLU", "none"]),
        ),
        st.builds(lambda inner: ("Parallel", {}, inner), st.lists(body, min_size=1, max_size=3)),
        st.builds(lambda times, inner: ("Repeat", {"times": times}, [inner]), st.integers(1, 4), body),
        st.builds(lambda reduction: ("SqueezeExcite", {"reduction": reduction}), st.integers(1, 8)),
    )


NETS = st.builds(
    lambda channels, high, wide, made: make_net("", (channels, high, wide), *made),
    st.sampled_from([1, 3]),
    st.integers(5, 16),
    st.integers(5, 16),
    st.lists(items(2), min_size=1, max_size=4),
)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(NETS)
def test_random_blocks_agree_with_torch_or_both_refuse(net):
    summary, counted = summarise(net), []
    try:
        with torch.device("meta"):
            out = by_hand(net.layers, torch.zeros(2, *net.input), counted)
    except Refused:
        assert summary.problem is not None
        return
    assert summary.problem is None, summary.problem.text.en
    assert summary.output == tuple(out.shape[1:])
    assert summary.params == sum(params for params, _numbers in counted)
    assert summary.activation_bytes == 4 * sum(numbers for _params, numbers in counted)
    assert codec.from_token(codec.to_token(net)).spec == net


@settings(max_examples=80, deadline=None, derandomize=True)
@given(NETS)
def test_modules_and_code_of_random_blocks_answer_alike(net):
    summary = summarise(net)
    if summary.problem is not None:
        compile(to_code(net), "net.py", "exec")
        return
    ours = build_net(net).eval()
    script: dict = {}
    exec(compile(to_code(net), "net.py", "exec"), script)  # our own text
    theirs, tensors = script["net"], ours.state_dict()
    assert [tuple(v.shape) for v in tensors.values()] == [tuple(v.shape) for v in theirs.state_dict().values()]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), tensors.values(), strict=True)))
    images = torch.rand(2, *net.input)
    with torch.no_grad():
        answer = ours(images)
        assert tuple(answer.shape[1:]) == summary.output
        assert torch.equal(answer, theirs.eval()(images))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(NETS)
def test_what_does_not_fit_is_named_and_its_repairs_repair(net):
    summary = summarise(net)
    if summary.problem is None:
        return
    at_fault = summary.find(summary.problem.layer_id)
    assert at_fault.problem is not None and at_fault.output is None
    reached = sum(facts.output is not None for facts in summary.walk())
    for repair in at_fault.problem.repairs:
        after = summarise(repair.apply(net))
        is_other = after.problem is not None and after.problem.text != summary.problem.text
        fewer = sum(1 for _ in after.walk()) < sum(1 for _ in summary.walk())
        assert after.problem is None or is_other or fewer or sum(facts.output is not None for facts in after.walk()) > reached


def footprint(net: Net) -> tuple[int, int]:
    """Return the extent, in rows and columns, of the gradient of one unit in the middle."""
    module = build_net(net).double().eval()
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.5)
    images = torch.ones(1, *net.input, dtype=torch.double, requires_grad=True)
    out = module(images)
    row, column = out.shape[-2] // 2, out.shape[-1] // 2
    (gradient,) = torch.autograd.grad(out[0, :, row, column].sum(), images)
    reached = gradient[0].abs().sum(0) > 0
    return tuple(int(places[-1] - places[0] + 1) for places in (reached.any(1).nonzero().flatten(), reached.any(0).nonzero().flatten()))


@pytest.mark.parametrize(
    "items_",
    [
        [("Residual", {}, [[CONV, "ReLU", CONV]]), CONV],
        [("Parallel", {}, [[CONV], [("Conv2d", {"out_channels": 2, "kernel_size": 5, "padding": "same"})], []])],
        [("Parallel", {}, [[CONV, ("Conv2d", {"kernel_size": [1, 7], "padding": [0, 3]})], [CONV]]), ("AvgPool2d", {}), CONV],
        [("Repeat", {"times": 9}, [[CONV, "ReLU"]])],
        [("Repeat", {"times": 3}, [[("Conv2d", {"out_channels": 3}), ("AvgPool2d", {"kernel_size": 2, "stride": 1})]])],
        [("Conv2d", {"kernel_size": [3, 5], "stride": [2, 1], "dilation": [1, 2]}), CONV],
        [("ConvTranspose2d", {"kernel_size": 4, "stride": 2, "padding": 1}), CONV],
        [("AvgPool2d", {}), ("Upsample", {"scale_factor": 2}), CONV],
        [("Conv2d", {"kernel_size": 4, "padding": "same"}), ("DepthwiseConv2d", {"padding": 1}), "PointwiseConv2d"],
    ],
)
def test_the_receptive_field_of_blocks_is_a_gradients_footprint(items_):
    net = make_net("", (1, 61, 67), *items_)
    last = summarise(net).layers[-1]
    assert tuple(math.ceil(axis.size) for axis in last.field_axes) == footprint(net)


def test_a_repeated_body_is_counted_without_walking_through_it():
    net = make_net("", (3, 64, 64), ("Repeat", {"times": 10_000}, [[("Repeat", {"times": 10_000}, [[CONV, "ReLU"]])]]))
    summary = summarise(net)
    assert summary.count == 2 * 10**8
    # Every copy but the very first gets 4 channels.
    assert summary.params == (9 * 3 * 4 + 4) + (10**8 - 1) * (9 * 4 * 4 + 4)
    assert summary.layers[0].receptive_field == 2 * 10**8 + 1
    with pytest.raises(Refusal) as refused:
        build_net(net)
    assert "200,000,000 layers" in refused.value.text.en and f"{LIMITS.built_layers:,}" in refused.value.text.en


def test_ten_to_the_twelve_parameters_are_described_and_not_built():
    net = make_net(
        "", (3, 2048, 2048), ("MaxPool2d", {}), "Flatten", ("Repeat", {"times": 10_000}, [[("Linear", {"out_features": 65_536})]])
    )
    summary = summarise(net)
    assert summary.params > 10**12
    with pytest.raises(Refusal) as refused:
        build_net(net)
    assert "layers" in refused.value.text.en


@pytest.mark.parametrize(
    "items_",
    [
        [("Repeat", {"times": 10_000}, [[("Upsample", {"scale_factor": 16})]])],
        [("Repeat", {"times": 10_000}, [[("Parallel", {}, [[], [CONV]])]])],
        [("Repeat", {"times": 10_000}, [[("Repeat", {"times": 10_000}, [[("Parallel", {}, [[], [CONV]])]])]])],
        [("Repeat", {"times": 10_000}, [[("DepthwiseConv2d", {"multiplier": 64, "padding": 1})]])],
    ],
)
def test_what_grows_without_end_is_refused_in_words(items_):
    summary = summarise(make_net("", (3, 64, 64), *items_))
    assert summary.problem is not None and summary.problem.text.say("es")


def test_a_residual_whose_shapes_differ_is_projected_like_torchvisions():
    net = make_net("", (3, 56, 56), CONV, ("Residual", {}, [[("Conv2d", {"out_channels": 8, "stride": 2, "padding": 1, "bias": False})]]))
    block = summarise(net).layers[1]
    shortcut = block.branches[-1]
    assert [facts.kind for facts in shortcut] == ["Conv2d", "BatchNorm2d"] and block.derived
    assert shortcut[0].layer.params["stride"] == 2 and not shortcut[0].layer.params["bias"]
    assert not summarise(make_net("", (3, 8, 8), ("Residual", {}, [["ReLU"]]))).layers[0].branches[-1]


def test_branches_of_unequal_sides_can_be_mended_at_once():
    net = make_net("", (3, 20, 20), ("Parallel", {}, [[("Conv2d", {"kernel_size": 5})], [("MaxPool2d", {"kernel_size": 3, "stride": 1})]]))
    problem = summarise(net).problem
    assert "16 × 16 × 16" in problem.text.en and "18 × 18 × 3" in problem.text.en
    assert summarise(problem.repairs[0].apply(net)).output == (19, 20, 20)


def test_layers_are_found_moved_copied_and_removed_wherever_they_stand():
    net = make_net("", (3, 16, 16), CONV, ("Residual", {}, [["ReLU", CONV]]), "ReLU")
    first, block, last = net.layers
    relu, conv = block.branches[0]
    assert net.place_of(conv.id) == Place(1, block.id, 0)
    inside = edit_move(net, last.id, Place(1, block.id))
    assert [layer.id for layer in inside.find(block.id).branches[0]] == [relu.id, last.id, conv.id]
    assert edit_move(net, first.id, Place(3)).layers == (block, last, first)
    assert edit_move(net, last.id, Place(0)).layers == (last, first, block)
    assert edit_move(net, block.id, Place(0, block.id)) == net  # not into itself
    twice = edit_duplicate(net, block.id)
    assert len(twice.layers) == 4 and len({layer.id for layer in twice.walk()}) == 8
    assert edit_remove(net, conv.id).find(block.id).branches == ((relu,),)
    pasted = edit_paste(net, block, Place(0))
    assert pasted.layers[0].branches[0][1].params == conv.params and pasted.layers[0].id != block.id


def test_blocks_are_nested_only_so_deep_and_hold_only_so_many_branches():
    net = Net()
    place = Place(0)
    for _ in range(MAX_NESTING):
        net = edit_add(net, "Residual", at=place)
        place = Place(0, list(net.walk())[-1].id)
    with pytest.raises(Refusal):
        edit_add(net, "Parallel", at=place)
    with pytest.raises(Refusal):
        edit_paste(net, net.layers[0], Place(0, net.layers[0].id))
    wide = edit_add(Net(), "Parallel", channels=8)
    assert len(edit_branches(wide, wide.layers[0].id, 8).layers[0].branches) == 8
    for count in (0, 9):
        with pytest.raises(Refusal):
            edit_branches(wide, wide.layers[0].id, count)
    assert edit_layer(wide, "nobody", lambda layer: 1 / 0) == wide


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if LAYERS[kind].block])
@pytest.mark.parametrize("channels", [1, 3, 64])
def test_a_new_block_comes_filled_and_fits(kind, channels):
    net = edit_add(make_net("", (3, 16, 16), ("Conv2d", {"out_channels": channels})), kind, channels=channels)
    summary = summarise(net)
    assert summary.problem is None
    assert LAYERS[kind].title.say("es") and LAYERS[kind].help.say("es")


@pytest.mark.parametrize(
    "document",
    [
        {"type": "ReLU", "branches": [[]]},
        {"type": "Residual", "branches": []},
        {"type": "Residual", "branches": [[], []]},
        {"type": "Residual", "branches": {}},
        {"type": "Residual", "branches": [{}]},
        {"type": "Residual", "branches": ["ab"]},
        {"type": "Residual", "branches": [[{"type": "ReLU", "id": "a"}, {"type": "ReLU", "id": "a"}]]},
        {"type": "Parallel", "branches": [[]] * 9},
        {"type": "Repeat", "params": {"times": 10**9}},
        {"type": "Parallel", "branches": [[{"type": "ReLU"}] * 600, [{"type": "ReLU"}] * 600]},
    ],
)
def test_documents_that_hold_what_cannot_be_held_are_refused_in_words(document):
    whole = {"version": 1, "kind": "net", "input": [3, 8, 8], "layers": [document]}
    with pytest.raises(Refusal) as refused:
        codec.from_json(json.dumps(whole), "net")
    assert refused.value.text.say("es")
