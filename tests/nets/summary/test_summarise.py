"""Summaries compared with real computations: formulas evaluated, extents of gradients, rows that windows reach."""

import ast
import math
import operator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vpc2 import codec
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import SYMBOLS, symbols_in
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, edit_add, make_net
from vpc2.nets.summary.layer_summary import LayerFacts, dropped_border
from vpc2.nets.summary.summarise import summarise
from vpc2.number_format import swap_separators

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value_of(formula: str, symbols: dict[str, float] | None = None) -> float:
    """Return the value of a formula, computed from its syntax tree, with values for its symbols."""

    def walk(node: ast.AST) -> float:
        if isinstance(node, ast.BinOp):
            return _OPERATORS[type(node.op)](walk(node.left), walk(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -walk(node.operand)
        if isinstance(node, ast.Name):
            return symbols[node.id]
        if isinstance(node, ast.Call):
            return {"floor": math.floor, "ceil": math.ceil}[node.func.id](*map(walk, node.args))
        return node.value

    return walk(ast.parse(formula, mode="eval").body)


@st.composite
def window_layers(draw, ceil_mode: bool):
    kind = draw(st.sampled_from(["MaxPool2d", "AvgPool2d"] if ceil_mode else ["Conv2d", "MaxPool2d", "AvgPool2d"]))
    kernel = draw(st.integers(1, 7))
    params = {"kernel_size": kernel, "stride": draw(st.integers(1, 5)), "padding": draw(st.integers(0, kernel // 2))}
    if kind == "Conv2d":
        groups = draw(st.sampled_from([1, 3]))
        params |= {
            "out_channels": 3 * draw(st.integers(1, 5)),
            "groups": groups,
            "dilation": draw(st.integers(1, 3)),
            "bias": draw(st.booleans()),
        }
    else:
        params["ceil_mode"] = ceil_mode
    return make_net("", (3, draw(st.integers(1, 40)), draw(st.integers(1, 40))), (kind, params), "BatchNorm2d", "Flatten", ("Linear", {}))


def check_formulas(net: Net) -> None:
    summary = summarise(net)
    for facts in summary.layers:
        for text in (formula.text for formula in facts.formulas):
            formula, _, result = text.en.rpartition(" = ")
            assert value_of(formula) == pytest.approx(float(result.replace(",", "")), rel=1e-5), text.en
            assert text.say("es") == f"{formula} = {swap_separators(result)}"


def symbol_values(facts: LayerFacts, quantity: str) -> dict[str, float]:
    """Return the value of each symbol, as `SYMBOLS` describes it, from a layer's parameters and shapes."""
    p, shape, out = facts.layer.params, facts.input, facts.output
    axis = {"Height": 0, "Width": 1}.get(quantity, int(facts.field_axes[1].size > facts.field_axes[0].size))
    of = lambda key: p[key][axis] if isinstance(p.get(key), list) else p.get(key)  # noqa: E731
    image, before, after = out if len(out) == 3 else shape, facts.input_field_axes[axis], facts.field_axes[axis]
    kernel = p["kernel_size"] if isinstance(p.get("kernel_size"), list) else [p.get("kernel_size")] * 2
    values = {
        "n": shape[1 + axis] if len(shape) == 3 else shape[0],
        "n_C": shape[0],
        "f": of("kernel_size"),
        "f_H": kernel[0],
        "f_W": kernel[1],
        "p": of("padding"),
        "s": of("stride") if len(shape) == 3 and "output_padding" not in p else None,
        "d": of("dilation"),
        "o": of("output_padding"),
        "g": p.get("groups"),
        "z": p.get("scale_factor"),
        "n_f": p.get("out_channels"),
        "m": p.get("multiplier"),
        "u": out[0],
        "t": facts.params,
        "r": before.size,
        "R": after.size,
        "j": before.jump,
        "b": after.start,
    }
    if len(shape) == 3:
        values |= {"n_H": shape[1], "n_W": shape[2], "h": image[1], "w": image[2]}
    if window := LAYERS[facts.kind].window:
        steps = {"q": window(p, shape)[axis].size, "s": window(p, shape)[axis].step}
        values |= steps if quantity.startswith(("Receptive", "Jump", "Centre")) else {"s": of("stride")}
    for i, branch in enumerate(facts.branches, 1):
        length = (branch[-1].output if branch else shape)[0]
        values |= {f"n_C{i}": length, f"n{i}": length}
    return values


def check_symbols(net: Net) -> set[str]:
    """Evaluate every formula of a net in its symbols; return the quantities that were evaluated."""
    quantities = set()
    for facts in summarise(net).walk():
        for formula in facts.formulas:
            quantity = formula.quantity.en
            value = value_of(formula.symbolic, symbol_values(facts, quantity))
            assert value == pytest.approx(formula.result, rel=1e-5), (facts.name, quantity, formula.symbolic)
            quantities.add(quantity)
    return quantities


@settings(max_examples=200, deadline=None, derandomize=True)
@given(window_layers(ceil_mode=False))
def test_every_formula_in_symbols_has_its_result(net):
    check_symbols(net)


@pytest.mark.parametrize("key", list(NETS))
def test_the_symbols_of_a_presets_formulas_have_their_result(key):
    check_symbols(NETS[key].net)


@pytest.mark.parametrize(
    "layer",
    [
        ("Conv2d", {"kernel_size": [3, 5], "padding": [1, 2], "stride": [2, 1], "groups": 2, "out_channels": 6}),
        ("Conv2d", {"kernel_size": 3, "padding": "same", "dilation": 2}),
        ("DepthwiseConv2d", {"multiplier": 3, "stride": 2}),
        ("PointwiseConv2d", {"out_channels": 5}),
        ("ConvTranspose2d", {"out_channels": 5, "kernel_size": 4, "stride": [3, 2], "padding": 1}),
        ("ConvTranspose2d", {"out_channels": 5, "kernel_size": [3, 2], "bias": False}),
        ("MaxPool2d", {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        ("AdaptiveAvgPool2d", {"output_size": [3, 2]}),
        ("Upsample", {"scale_factor": 3, "mode": "bilinear"}),
        ("GroupNorm", {"num_groups": 2}),
        ("LayerNorm", {}),
        ("Parallel", {}, [["ReLU"], [("Conv2d", {"padding": 1})], []]),
    ],
    ids=lambda layer: layer[0],
)
@pytest.mark.parametrize("sides", [(13, 13), (12, 15)], ids=["square", "oblong"])
def test_the_symbols_of_every_kinds_formulas_have_their_result(layer, sides):
    first = ("Conv2d", {"out_channels": 4, "kernel_size": 3, "padding": 1, "stride": 2})
    net = make_net("", (3, *sides), first, layer, "BatchNorm2d", "Flatten", "BatchNorm2d", "LayerNorm", ("Linear", {"bias": False}))
    assert {"Parameters", "Multiply-adds", "Output in memory (bytes)", "Receptive field (px)", "Length"} <= check_symbols(net)


def test_the_symbols_of_concatenated_vectors_have_their_result():
    check_symbols(make_net("", (3, 4, 4), "Flatten", ("Parallel", {}, [[("Linear", {"out_features": 7})], ["ReLU"]])))


def test_a_convolutions_formulas_have_the_lectures_letters():
    facts = summarise(make_net("", (3, 32, 32), ("Conv2d", {"out_channels": 16, "kernel_size": 5, "stride": 2}))).layers[0]
    assert [formula.symbolic for formula in facts.formulas] == [
        "floor((n - f + 2*p)/s) + 1",
        "n_f",
        "f*f*n_C*n_f + n_f",
        "t*h*w",
        "4*h*w*n_f",
        "r + (f - 1)*j",
        "j*s",
        "b + (R - 1)/2",
    ]
    letters = symbols_in(" ".join(formula.symbolic for formula in facts.formulas))
    assert letters == ["n", "f", "p", "s", "n_f", "n_C", "t", "h", "w", "r", "j", "b", "R"]
    assert (SYMBOLS["f"].en, SYMBOLS["f"].say("es")) == ("side of the filter", "lado del filtro")
    assert (SYMBOLS["n_C"].say("es"), SYMBOLS["n_f"].say("es")) == ("canales que entran", "filtros")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(window_layers(ceil_mode=False))
def test_every_formula_comes_to_what_stands_behind_it(net):
    check_formulas(net)


@pytest.mark.parametrize("key", list(NETS))
def test_the_formulas_of_a_preset_are_true(key):
    check_formulas(NETS[key].net)


def test_the_formula_of_a_pooling_that_rounds_up_is_true():
    check_formulas(make_net("", (3, 4, 4), ("MaxPool2d", {"kernel_size": 1, "stride": 2, "ceil_mode": True})))


def seen_span(module: nn.Module, images: torch.Tensor, output: tuple[int, ...]) -> tuple[int, bool]:
    """Return the longer side of the gradient of one output value, in pixels, and whether it touches the border."""
    images = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(module(images)[(0, *output)], images)
    reached = gradient[0].abs().sum(0) > 0
    spans, touches = [], False
    for side in (0, 1):
        places = reached.any(1 - side).nonzero().flatten()
        spans.append(int(places[-1] - places[0] + 1))
        touches |= bool(places[0] == 0 or places[-1] == reached.shape[side] - 1)
    return max(spans), touches


def positive(net: Net) -> nn.Module:
    """Return the net with all weights positive, in double precision, so that nothing cancels in a gradient."""
    module = build_net(net).double().eval()
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.5)
    return module


@st.composite
def stacks(draw):
    net = Net((1, 97, 97))
    for _ in range(draw(st.integers(1, 4))):
        params = {"kernel_size": draw(st.integers(1, 4)), "stride": draw(st.integers(1, 3))}
        if draw(st.booleans()):
            net = edit_add(net, "AvgPool2d", params)
        else:
            net = edit_add(
                net, "Conv2d", {**params, "out_channels": 1, "dilation": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 2))}
            )
    return net


@settings(max_examples=200, deadline=None, derandomize=True)
@given(stacks())
def test_the_receptive_field_of_random_stacks_is_a_gradients_footprint(net):
    summary = summarise(net)
    if summary.problem is not None:
        return
    middle = summary.output[1] // 2
    span, touches = seen_span(positive(net), torch.ones(1, 1, 97, 97, dtype=torch.double), (0, middle, middle))
    if not touches:
        assert summary.layers[-1].receptive_field == span


def widest_adaptive(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (said, seen): the receptive field of an adaptive pooling by arithmetic, and the widest by gradient."""
    net = make_net("", (1, height, width), ("AdaptiveAvgPool2d", {"output_size": size}))
    images = torch.ones(1, 1, height, width, dtype=torch.double)
    seen = max(seen_span(positive(net), images, (0, i, i))[0] for i in range(size))
    return summarise(net).layers[0].receptive_field, seen


@pytest.mark.parametrize("side", [5, 7, 8, 13])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_adaptive_pooling_on_a_square_sees_its_widest_window(side, size):
    said, seen = widest_adaptive(side, side, size)
    assert said == seen


def test_adaptive_pooling_on_a_rectangle_sees_its_widest_window():
    said, seen = widest_adaptive(7, 8, 4)
    assert said == seen


def test_a_dense_layer_does_not_see_what_a_stride_dropped():
    net = make_net("", (1, 10, 10), ("AvgPool2d", {"kernel_size": 3, "stride": 4}), "Flatten", ("Linear", {"out_features": 1}))
    span, _ = seen_span(positive(net), torch.ones(1, 1, 10, 10, dtype=torch.double), (0,))
    assert span == 7
    assert summarise(net).layers[-1].receptive_field == span


def unseen_rows(net: Net) -> int:
    """Return the number of rows at the end of the image without gradient from any output of the net."""
    images = torch.ones(1, net.input[0], *net.input[1:], dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(positive(net)(images).sum(), images)
    rows = (gradient[0].abs().sum((0, 2)) > 0).nonzero().flatten()
    return net.input[1] - 1 - int(rows[-1])


@pytest.mark.parametrize(("side", "kernel", "stride"), [(10, 3, 4), (11, 3, 2), (12, 3, 2), (9, 2, 2), (227, 11, 4)])
def test_the_dropped_border_is_the_rows_without_gradient(side, kernel, stride):
    net = make_net("", (1, side, side), ("Conv2d", {"out_channels": 1, "kernel_size": kernel, "stride": stride}))
    assert dropped_border(summarise(net).layers[0]) == (unseen_rows(net),) * 2


def test_a_stride_that_leaves_out_only_padding_leaves_out_nothing():
    net = make_net("", (1, 224, 224), ("Conv2d", {"out_channels": 1, "kernel_size": 11, "stride": 4, "padding": 2}))
    assert unseen_rows(net) == 0
    assert summarise(net).notes == ()


def test_a_jump_beyond_every_float_is_still_described():
    net = make_net("", (3, 32, 32), *[("Conv2d", {"kernel_size": 1, "stride": 64, "padding": 256})] * 180)
    assert codec.from_token(codec.to_token(net)).spec == net  # it fits into a link
    assert len(summarise(net).layers) == 180


def test_a_block_whose_projection_is_too_much_to_count_gives_nothing(monkeypatch):
    net = make_net("n", (3, 8, 8), ("Residual", {"projection": "conv"}, [[("Conv2d", {"out_channels": 5, "padding": "same"})]]), "ReLU")
    assert [facts.output for facts in summarise(net).layers] == [(5, 8, 8), (5, 8, 8)]
    monkeypatch.setattr("vpc2.nets.summary.summarise.MAX_SUMMARISED", 2)  # the block and its body: its projection is one more
    summary = summarise(net)
    assert summary.problem is not None
    assert [facts.output for facts in summary.layers] == [None, None]
