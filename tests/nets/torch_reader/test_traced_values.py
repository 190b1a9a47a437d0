"""Pasted code is read as torch runs it, or its line is named: each text is also executed by torch and compared."""

import inspect
import re

import pytest
import torch
from torch import nn

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import read_code
from vpc2.nets.torch_reader.torch_signatures import classes, kind_of
from vpc2.text import Refusal

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
SHAPE = (3, 12, 12)


def forward(body: str, made: str = "") -> str:
    """Return a class with a convolution, a batch norm and a dense layer, whose forward is `body`."""
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    more = "".join(f"        {line}\n" for line in made.splitlines())
    return f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3, padding=1)
        self.d = nn.Conv2d(8, 8, 3, padding=1)
        self.l = nn.Linear(8 * 12 * 12, 5)
{more}    def forward(self, x):
{lines}
net = Net()
"""


def chain(layers: str) -> str:
    return f"net = nn.Sequential({layers})\n"


# True: read whole, without a note, and equal. False: what cannot be told is named; a plain answer would be wrong.
PASTED = {
    "deconv with torch's stride": (chain("nn.ConvTranspose2d(3, 8, 3), nn.ReLU()"), True),
    "deconv, all arguments": (chain("nn.ConvTranspose2d(3, 6, 3, 2, 1, 1, 3, False, 2)"), True),
    "deconv by name": (chain("nn.ConvTranspose2d(3, 6, kernel_size=(2, 3), output_padding=(1, 0), stride=(2, 1))"), True),
    "convolution, all arguments": (chain("nn.Conv2d(3, 6, 3, 2, 1, 2, 3, False)"), True),
    "convolution without padding": (chain("nn.Conv2d(3, 8, 3, padding='valid')"), True),
    "reflected padding": (chain("nn.Conv2d(3, 8, 3, padding=1, padding_mode='reflect')"), False),
    "softmax over the batch": (chain("nn.Flatten(), nn.Linear(432, 10), nn.Softmax(dim=0)"), False),
    "softmax over the last of a vector": (chain("nn.Flatten(), nn.Linear(432, 10), nn.Softmax(dim=-1)"), True),
    "softmax of torch's choice": (chain("nn.Flatten(), nn.Linear(432, 10), nn.Softmax()"), True),
    "softmax over the width": (chain("nn.Conv2d(3, 4, 3), nn.Softmax(dim=-1)"), False),
    "softmax over the channels": (chain("nn.Conv2d(3, 4, 3), nn.Softmax(dim=-3)"), True),
    "pooling that steps by one": (forward("return F.max_pool2d(self.c(x), 2, 1)"), True),
    "pooling that steps by its kernel": (forward("return F.max_pool2d(self.c(x), 3)"), True),
    "pooling told None": (chain("nn.MaxPool2d(3, stride=None, padding=1)"), True),
    "pooling that rounds up": (chain("nn.MaxPool2d(5, 2, ceil_mode=True), nn.AvgPool2d(2, ceil_mode=True)"), True),
    "pooling without its padding": (chain("nn.AvgPool2d(3, 1, 1, count_include_pad=False)"), False),
    "pooling with another divisor": (chain("nn.AvgPool2d(2, divisor_override=3)"), False),
    "pooling with its places": (chain("nn.MaxPool2d(2, return_indices=True)"), False),
    "pooling, dilated": (chain("nn.MaxPool2d(2, dilation=2)"), False),
    "pooling, dilated by one": (chain("nn.MaxPool2d(2, dilation=(1, 1))"), True),
    "functional dropout, never": (forward("return F.dropout(self.c(x), 0.5, False)"), True),
    "functional dropout, always": (forward("return F.dropout(self.c(x), 0.5)"), False),
    "functional dropout, said always": (forward("return F.dropout(self.c(x), 0.5, training=True)"), False),
    "functional dropout, as it should be": (forward("return F.dropout(self.c(x), 0.5, training=self.training)"), True),
    "functional dropout of channels": (forward("return F.dropout2d(self.c(x), 0.5, self.training)"), True),
    "weighted sum": (forward("a = self.c(x)\nreturn torch.add(self.d(a), a, alpha=2)"), False),
    "weighted sum, by one": (forward("a = self.c(x)\nreturn torch.add(self.d(a), a, alpha=1)"), True),
    "weighted sum in place": (forward("a = self.c(x)\nb = self.d(a)\nb.add_(a, alpha=2)\nreturn b"), False),
    "sum by method": (forward("a = self.c(x)\nreturn self.d(a).add(a)"), True),
    "sum in place by method": (forward("a = self.c(x)\nb = self.d(a)\nb.add_(a)\nreturn b"), True),
    "a number added": (forward("return self.c(x) + 1"), False),
    "a number multiplied": (forward("return 0.5 * self.c(x)"), False),
    "a difference": (forward("a = self.c(x)\nreturn self.d(a) - a"), False),
    "a picture over a number": (forward("return self.c(x) / 2"), False),
    "a result that nobody uses": (forward("x = self.c(x)\nF.relu(x)\nreturn x"), False),
    "a layer that nobody uses": (forward("x = self.c(x)\nself.d(x)\nreturn x"), False),
    "a ReLU in place, by itself": (forward("x = self.c(x)\nF.relu(x, inplace=True)\nreturn x"), True),
    "a ReLU in place, by position": (forward("x = self.c(x)\nF.relu(x, True)\nreturn x"), True),
    "relu_": (forward("x = self.c(x)\nx.relu_()\nreturn x"), True),
    "torch.relu_": (forward("x = self.c(x)\ntorch.relu_(x)\nreturn x"), True),
    "a module in place, by itself": (forward("x = self.c(x)\nself.r(x)\nreturn x", "self.r = nn.LeakyReLU(0.1, inplace=True)"), True),
    "a ReLU in place before a skip": (forward("x = self.c(x)\ny = x\nz = self.d(F.relu(x, inplace=True))\nreturn z + y"), True),
    "a ReLU of its own before a skip": (forward("x = self.c(x)\nz = self.d(F.relu(x))\nreturn z + x"), True),
    "a module in place before a skip": (forward("y = self.c(x)\nreturn self.d(self.r(y)) + y", "self.r = nn.ReLU(inplace=True)"), True),
    "in place on a copy": (forward("y = self.c(x)\nz = y.clone()\nF.relu(z, inplace=True)\nreturn self.d(z) + y"), True),
    "in place through another shape": (forward("y = self.c(x)\nz = y.flatten(1)\nF.relu(z, inplace=True)\nreturn y"), False),
    "a sum in place that a skip sees": (forward("a = self.c(x)\nb = a\na += self.d(a)\nreturn b"), True),
    "a sum that a skip does not see": (forward("a = self.c(x)\nb = a\na = a + self.d(a)\nreturn b"), True),
    "flatten everything": (forward("return torch.flatten(self.c(x))"), False),
    "flatten the sides": (chain("nn.Flatten(2)"), False),
    "flatten up to": (chain("nn.Flatten(1, 2)"), False),
    "view by the batch": (forward("x = self.c(x)\nreturn self.l(x.view(x.size(0), -1))"), True),
    "view by its shape": (forward("x = self.c(x)\nreturn self.l(x.view(x.shape[0], -1))"), True),
    "view by the number": (forward("return self.l(self.c(x).view(-1, 8 * 12 * 12))"), True),
    "view by a part of the number": (forward("return self.c(x).view(-1, 4 * 12 * 12)"), False),
    "view by the product": (forward("x = self.c(x)\nreturn self.l(x.view(-1, x.size(1) * x.size(2) * x.size(3)))"), True),
    "view by the channels": (forward("x = self.c(x)\nreturn x.view(-1, x.size(1))"), False),
    "view with channels first": (forward("x = self.c(x)\nreturn x.view(x.size(1), -1)"), False),
    "view by unpacked sizes": (forward("x = self.c(x)\nb, c, h, w = x.size()\nreturn self.l(x.view(b, c * h * w))"), True),
    "reshape by two": (forward("return self.c(x).reshape(2, -1)"), False),
    "mean of the sides": (forward("return self.c(x).mean([2, 3])"), True),
    "mean of the sides, kept": (forward("return torch.mean(self.c(x), (-2, -1), keepdim=True)"), True),
    "mean of the channels": (forward("return self.c(x).mean(1)"), False),
    "mean of everything": (forward("return self.c(x).mean()"), False),
    "side by side": (forward("a = self.c(x)\nreturn torch.cat([self.d(a), a], dim=1)"), True),
    "side by side in the batch": (forward("a = self.c(x)\nreturn torch.cat([self.d(a), a])"), False),
    "side by side in the width": (forward("a = self.c(x)\nreturn torch.cat((self.d(a), a), -1)"), False),
    "enlarged": (forward("return F.interpolate(self.c(x), scale_factor=2)"), True),
    "enlarged smoothly": (forward("return F.interpolate(self.c(x), scale_factor=2, mode='bilinear', align_corners=False)"), True),
    "enlarged to the corners": (chain("nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)"), False),
    "enlarged to a size": (forward("return F.interpolate(self.c(x), size=24)"), False),
    "enlarged by cubes": (chain("nn.Upsample(scale_factor=2, mode='bicubic')"), False),
    "enlarged by a half": (chain("nn.Upsample(scale_factor=1.5)"), False),
    "a learned slope": (chain("nn.Conv2d(3, 4, 3), nn.PReLU()"), False),
    "a slope": (forward("return F.leaky_relu(self.c(x), 0.3)"), True),
    "gelu": (chain("nn.Conv2d(3, 4, 3), nn.GELU()"), True),
    "gelu by tanh": (chain("nn.Conv2d(3, 4, 3), nn.GELU(approximate='tanh')"), False),
    "batch norm, another epsilon": (chain("nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=0.5)"), False),
    "batch norm, no momentum": (chain("nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=None)"), False),
    "batch norm, not learned": (chain("nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False)"), True),
    "batch norm of each batch": (chain("nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)"), False),
    "batch norm, no shift": (chain("nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, bias=False)"), False),
    "layer norm of the last side": (chain("nn.Conv2d(3, 4, 3, padding=1), nn.LayerNorm(12)"), False),
    "layer norm": (chain("nn.Conv2d(3, 4, 3, padding=1), nn.LayerNorm([4, 12, 12])"), True),
    "group norm": (chain("nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)"), True),
    "response norm": (chain("nn.LocalResponseNorm(3)"), True),
    "response norm, stronger": (chain("nn.LocalResponseNorm(3, alpha=0.1)"), False),
    "one layer three times": ("c = nn.Conv2d(3, 3, 3, padding=1)\nnet = nn.Sequential(*[c for _ in range(3)])\n", False),
    "three layers alike": (chain("*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)]"), True),
    "a chain that is added to": (
        "class Net(nn.Sequential):\n    def __init__(self):\n        super().__init__()\n        self.add_module('a', nn.Conv2d(3, 4, 3))\n"
        "        self.b = nn.ReLU()\n        self.c = nn.Conv2d(4, 5, 3)\nnet = Net()\n",
        True,
    ),
    "a layer put elsewhere later": ("net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())\nnet[1] = nn.Sigmoid()\n", False),
    "a layer of a class put elsewhere": (forward("return self.c(x)") + "net.c = nn.Conv2d(3, 6, 5)\n", True),
    "layers of a dict": ("from collections import OrderedDict\nd = dict(a=nn.Conv2d(3, 4, 3), b=nn.Sigmoid())\n"
                         "net = nn.Sequential(OrderedDict(d))\n", True),
    "counted from two": ("net = nn.Sequential(*[nn.Conv2d(3, 3, i) for i, _ in enumerate('ab', start=2)])\n", False),
    "counted from two, a list": ("net = nn.Sequential(*[nn.Conv2d(3, 3, i) for i, _ in enumerate([0, 0], start=2)])\n", True),
    "a shortcut whose norm is not learned": (
        forward(
            "y = self.c(x)\nreturn self.n(self.p(x)) + y",
            "self.p = nn.Conv2d(3, 8, 1, bias=False)\nself.n = nn.BatchNorm2d(8, affine=False)",
        ),
        False,
    ),
    "a list that two names share": ("a = [nn.Conv2d(3, 4, 3)]\nb = a\na += [nn.ReLU()]\nnet = nn.Sequential(*b)\n", True),
    "a wrapper of a function": (
        "def twice(f):\n    return f\nclass Net(nn.Module):\n    @twice\n    def forward(self, x):\n        return F.relu(x)\n"
        "net = Net()\n",
        False,
    ),
}  # fmt: skip


def run(text: str) -> nn.Module | None:
    script = {"__name__": "pasted"}
    exec(compile(HEAD + text, "pasted", "exec"), script)  # our own text, in a test
    return script["net"].eval()


def is_equal(theirs: nn.Module, net) -> bool:
    """True where the net that was read has torch's outputs, with the same weights."""
    ours = build_net(net).eval()
    used = list(ours.state_dict())
    tensors = list(theirs.state_dict().values())
    torch.manual_seed(4)
    for tensor in tensors:
        if tensor.is_floating_point():
            tensor.uniform_(0.1, 1)
    mine, free = {}, list(tensors)
    for key in used:  # in order; a layer of theirs that is not called is passed over
        shape = ours.state_dict()[key].shape
        while free and free[0].shape != shape:
            free.pop(0)
        if not free:
            return False
        mine[key] = free.pop(0)
    ours.load_state_dict(mine)
    images = torch.randn(2, *net.input)
    torch.manual_seed(1)
    with torch.no_grad():
        expected, found = theirs(images.clone()), ours(images.clone())
    return isinstance(expected, torch.Tensor) and expected.shape == found.shape and torch.allclose(expected, found, atol=1e-5)


@pytest.mark.parametrize("name", list(PASTED))
def test_what_is_read_is_what_torch_runs_or_is_named_by_its_line(name):
    text, is_whole = PASTED[name]
    try:
        read = read_code(HEAD + text + f"# pictures of {SHAPE[0]} x {SHAPE[1]} x {SHAPE[2]}\n")
    except Refusal as refusal:
        assert not is_whole, refusal.text.en
        assert re.match(r"Line \d+: ", refusal.text.en) and re.match(r"Línea \d+: ", refusal.text.say("es")), refusal.text.en
        return
    for note in read.notes:
        assert re.match(r"Line \d+: ", note.en) and re.match(r"Línea \d+: ", note.say("es")), note.en
    assert bool(read.notes) is not is_whole, [note.en for note in read.notes]
    if is_whole:
        assert summarise(read.spec).problem is None, summarise(read.spec).problem.text.en
        assert is_equal(run(text), read.spec)


GATE = "self.g = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1), nn.Sigmoid())"


@pytest.mark.parametrize(
    "joined",
    [
        *("a * self.g(a)", "torch.mul(a, self.g(a))", "torch.multiply(a, self.g(a))", "a.mul(self.g(a))", "a.multiply(self.g(a))"),
        *("a + self.d(a)", "torch.add(a, self.d(a))", "a.add(self.d(a))", "a.add_(self.d(a))"),
        *(f"torch.{name}([a, self.d(a)], dim=1)" for name in ("cat", "concat", "concatenate")),
    ],
)
def test_where_branches_meet_each_name_does_what_torchs_does(joined):
    text = forward(f"a = self.c(x)\nreturn {joined}", GATE if "self.g" in joined else "")
    read = read_code(HEAD + text + f"# pictures of {SHAPE[0]} x {SHAPE[1]} x {SHAPE[2]}\n")
    assert not read.notes and is_equal(run(text), read.spec)


def test_the_referee_sees_a_reading_that_is_wrong():
    read = read_code(HEAD + chain("nn.Conv2d(3, 4, 3), nn.ReLU()") + "# 3 x 12 x 12").spec
    assert is_equal(run(chain("nn.Conv2d(3, 4, 3), nn.ReLU()")), read)
    assert not is_equal(run(chain("nn.Conv2d(3, 4, 3), nn.SiLU()")), read)
    assert not is_equal(run(chain("nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)")), read)


# What torch cannot do without, for an image of 6 x 12 x 12 or a vector of 6.
WANTED = {
    "in_channels": 6, "out_channels": 4, "kernel_size": 3, "output_size": 5, "num_features": 6, "normalized_shape": (6, 12, 12),
    "num_groups": 3, "num_channels": 6, "size": 3, "in_features": 6, "out_features": 5,
}  # fmt: skip


@pytest.mark.parametrize("name", classes())
def test_a_layer_with_only_what_torch_wants_is_torchs(name):
    found = inspect.signature(getattr(nn, name)).parameters.values()
    wanted = [one.name for one in found if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    made = [f"{key}={WANTED[key]}" for key in wanted] + (["scale_factor=2"] if name == "Upsample" else [])
    is_flat = name in ("BatchNorm1d", "Linear", "Dropout1d")
    before = "nn.Conv2d(3, 6, 3, padding=1), " + ("nn.AdaptiveAvgPool2d(1), nn.Flatten(), " if is_flat else "")
    text = chain(f"{before}nn.{name}({', '.join(made)})")
    read = read_code(HEAD + text + "# 3 x 12 x 12")
    assert bool(read.notes) is (name == "Dropout1d")
    assert is_equal(run(text), read.spec)
    for left_out in wanted:
        with pytest.raises(Refusal, match="Line 4"):
            read_code(HEAD + chain(f"{before}nn.{name}({', '.join(one for one in made if not one.startswith(left_out))})"))


def test_every_layer_that_torch_has_is_read():
    plain = {key for key in LAYERS if LAYERS[key].block is None and LAYERS[key].target.startswith("torch.nn.")}
    assert plain - set(map(kind_of, classes())) == {"DepthwiseConv2d", "PointwiseConv2d"}  # which torch calls Conv2d
