"""Exported code of random nets is executed: the same tensors in the same order, and bit-identical outputs."""

import warnings
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc2.knobs import Choice, Flag, Pair, Whole
from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.spec import Net, edit_add, make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Text

_MAX_VALUES = {
    "out_channels": 12,
    "out_features": 20,
    "kernel_size": 5,
    "stride": 3,
    "padding": 2,
    "dilation": 2,
    "groups": 3,
    "output_size": 5,
    "size": 7,
    "multiplier": 3,
    "output_padding": 1,
    "num_groups": 3,
    "scale_factor": 3,
    "expects": 0,
    "times": 3,
    "reduction": 8,
}


@st.composite
def nets(draw):
    net = Net((draw(st.sampled_from([1, 3])), draw(st.integers(6, 24)), draw(st.integers(6, 24))))
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(list(LAYERS)))
        params = {}
        for knob in LAYERS[kind].knobs:
            if isinstance(knob, Whole):
                params[knob.key] = draw(st.integers(knob.low, _MAX_VALUES[knob.key]))
            elif isinstance(knob, Pair):
                side = st.integers(knob.low, _MAX_VALUES[knob.key])
                params[knob.key] = draw(st.one_of(side, st.lists(side, min_size=2, max_size=2), st.sampled_from([*knob.words, 1])))
            elif isinstance(knob, Choice):
                params[knob.key] = draw(st.sampled_from(list(knob.options)))
            elif isinstance(knob, Flag):
                params[knob.key] = draw(st.booleans())
            else:
                params[knob.key] = draw(st.floats(knob.low, knob.high))
        net = edit_add(net, kind, params)
    return net


def run_script(net: Net) -> dict:
    script: dict = {}
    exec(compile(to_code(net), "net.py", "exec"), script)  # noqa: S102 - our own text
    return script


@settings(max_examples=150, deadline=None, derandomize=True)
@given(nets())
def test_the_script_answers_what_the_net_answers(net):
    summary = summarise(net)
    if summary.problem is not None:
        compile(to_code(net), "net.py", "exec")
        return
    ours = build_net(net).eval()
    theirs = run_script(net)["net"]
    tensors, names = ours.state_dict(), list(theirs.state_dict())
    assert [tuple(v.shape) for v in tensors.values()] == [tuple(v.shape) for v in theirs.state_dict().values()]
    theirs.load_state_dict(dict(zip(names, tensors.values(), strict=True)))
    images = torch.rand(2, *net.input)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = ours(images)
        assert tuple(answer.shape[1:]) == summary.output  # a real module, not the meta device
        assert torch.equal(answer, theirs.eval()(images))


def test_the_code_of_a_net_that_does_not_fit_ends_before_and_says_why():
    net = make_net("odd\nname # x", (3, 8, 8), ("Conv2d", {"out_channels": 4}), ("Conv2d", {"kernel_size": 99}), "ReLU")
    code = to_code(net)
    assert "# conv2: A window of 99" in code
    module = run_script(net)["net"]
    assert [type(child).__name__ for child in module] == ["Conv2d"]


@pytest.mark.parametrize("name", ['"""', "x\nimport os", "a\u2028b", "\\", "# é 漢"])
def test_a_name_stays_inside_its_comment(name):
    net = make_net(name, (3, 8, 8), "GlobalAvgPool")
    lines = to_code(net).splitlines()
    assert [line for line in lines if line.startswith("import")] == ["import torch"]
    assert run_script(net)["net"](torch.zeros(1, 3, 8, 8)).shape == (1, 3)


def test_an_argument_is_left_out_where_torch_takes_the_same_by_itself(offer):
    """Read off torch's class: a layer that is new to the table needs nothing here."""
    text = Text("Zeros count")
    flag = Flag(key="count_include_pad", title=text, default=True, help=text)
    pool = replace(LAYERS["AvgPool2d"], key="PaddedPool", aliases=(), knobs=(*LAYERS["AvgPool2d"].knobs, flag))
    offer(LAYERS, pool)
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for params, call in (
        ({"count_include_pad": True}, "nn.AvgPool2d(2)"),
        ({"count_include_pad": False, "stride": 2}, "nn.AvgPool2d(2, count_include_pad=False)"),
        ({"kernel_size": 3, "stride": 1, "padding": 1}, "nn.AvgPool2d(3, stride=1, padding=1)"),
    ):
        code = to_code(make_net("", (3, 8, 8), ("PaddedPool", params)))
        assert f"{call}," in code
        script = {}
        exec(code, script)  # noqa: S102 - our own text
        written = torch.nn.AvgPool2d(**pool.clean(params))
        assert torch.equal(script["net"](images), written(images))
