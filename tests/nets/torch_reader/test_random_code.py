"""Random code, read and executed by torch: code read without a note gives torch's result, other code is refused or noted by line.

The programs write in place, drop results, skip and rename; the calls have random arguments, by position or by name.
"""

import random
import re

import pytest
import torch
from torch import nn

from vpc2.nets.module import build_net
from vpc2.nets.spec import Net
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import read_code
from vpc2.nets.torch_reader.torch_signatures import REQUIRED, arguments_of, classes, function_of, functions
from vpc2.text import Refusal

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
STEPS = (
    "{o} = F.relu({i})", "{o} = F.relu({i}, inplace=True)", "F.relu({i}, True)", "{i}.relu_()", "{o} = self.r({i})", "self.r({i})",
    "{o} = self.ri({i})", "self.ri({i})", "{o} = self.c{n}({i})", "{o} = self.c{n}({i})", "{o} = {i} + {j}", "{o} = {j} + {i}",
    "{i} += {j}", "{i} = {i}.add_({j})", "{i}.add_({j})", "{o} = torch.add({i}, {j})", "{o} = torch.add({i}, {j}, alpha={k})",
    "{o} = {i}.clone()", "{o} = {i}", "{o} = F.dropout({i}, 0.3, {t})", "{o} = self.dr({i})", "{o} = self.bn({i})",
    "{o} = torch.cat([{i}, {j}], {k})", "{o} = {i} * {j}", "{o} = F.leaky_relu({i}, 0.2, inplace={b})", "{o} = {i} * {k}",
    "{o} = {i}.contiguous()", "{o} = F.softmax({i}, {k})", "{o} = F.max_pool2d({i}, 3, 1, 1)", "{o} = {i}.sigmoid()",
    "{o} = F.avg_pool2d({i}, 3, stride=1, padding=1)", "{o} = torch.tanh({i})", "torch.relu_({i})", "{o} = self.s({i})", "self.s({i})",
)  # fmt: skip
ENDS = (
    "return {i}", "return {i}", "return {i}.flatten(1)", "return {i}.view({i}.size(0), -1)", "return {i}.view(-1, {m})",
    "return {i}.mean([2, 3])", "return F.softmax({i}.view({i}.shape[0], {m}), {k})", "return self.l({i}.view(-1, 4 * 6 * 6))",
    "return {i}.view(-1, {j}.size(1) * {i}.size(2) * {i}.size(3))",
)  # fmt: skip
CLASS = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c0 = nn.Conv2d(3, 4, 3, padding=1)
        self.c1 = nn.Conv2d(4, 4, 3, padding=1)
        self.c2 = nn.Conv2d(4, 4, 1)
        self.c3 = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.r = nn.ReLU()
        self.ri = nn.ReLU(inplace=True)
        self.dr = nn.Dropout(0.4)
        self.l = nn.Linear(144, 3)
        self.s = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, padding=1))
    def forward(self, x):
"""
VALUES = {
    "in_channels": [6, 6, 6, 4], "out_channels": [4, 6, 12], "kernel_size": [1, 2, 3, "(2, 3)", "[3, 1]"], "stride": [1, 2, "(2, 1)"],
    "padding": [0, 1, "'same'", "(1, 0)"], "dilation": [1, 1, 2, "(1, 1)", "(1, 2)"], "groups": [1, 2, 3], "bias": [True, False],
    "padding_mode": ["'zeros'", "'circular'"], "device": [None], "dtype": [None], "output_padding": [0, 0, 1, "(1, 0)"],
    "return_indices": [False, True], "ceil_mode": [True, False], "count_include_pad": [True, False], "divisor_override": [None, 2],
    "output_size": [1, 3, "(2, 5)", "(None, 3)"], "size": [None, 3, 8], "scale_factor": [2, 3, 2.0, 1.5, "(2, 2)"],
    "mode": ["'nearest'", "'bilinear'", "'bicubic'"], "align_corners": [None, True, False], "recompute_scale_factor": [None, True, False],
    "inplace": [True, False], "negative_slope": [0.1, 0.5], "approximate": ["'none'", "'tanh'"], "dim": [None, 0, 1, 2, -1, -3],
    "num_features": [6, 6, 5], "eps": [1e-5, 0.1], "momentum": [0.1, None, 0.5], "affine": [True, False],
    "track_running_stats": [True, False], "normalized_shape": ["(6, 9, 10)", "[9, 10]", 10], "elementwise_affine": [True, False],
    "num_groups": [1, 2, 3], "num_channels": [6], "alpha": [1e-4, 0.1], "beta": [0.75, 0.5], "k": [1.0, 2.0], "p": [0.1, 0.5],
    "start_dim": [1, 0, 2], "end_dim": [-1, 3, 1], "in_features": [540, 6, 540], "out_features": [5],
    "training": ["self.training", False, True], "_stacklevel": [3],
}  # fmt: skip


def program(seed: int) -> str:
    """Return a net whose forward renames values, has skip connections, writes in place and drops results."""
    draw, names, lines = random.Random(seed), ["x"], ["x = self.c0(x)"]

    def add(pattern: str) -> None:
        i, j = draw.choice(names[-3:]), draw.choice(names[-3:])
        o = draw.choice([i, i, "a", "b", "c"])
        said = {"n": draw.randint(1, 3), "k": draw.choice([1, 1, 1, 0, 2, -1]), "m": draw.choice([144, 144, 36])}
        said |= {"t": draw.choice(["self.training", "False", "True"]), "b": draw.choice(["True", "False"])}
        lines.append(pattern.format(i=i, j=j, o=o, **said))
        if lines[-1].startswith(f"{o} =") and o not in names:
            names.append(o)

    for _step in range(draw.randint(1, 6)):
        add(draw.choice(STEPS))
    add(draw.choice(ENDS))
    return HEAD + CLASS + "".join(f"        {line}\n" for line in lines) + "net = Net()\n# 3 x 6 x 6\n"


def one_call(seed: int) -> str:
    """Return a net that calls one of torch's layers or functions with random arguments."""
    draw = random.Random(seed)
    is_function = draw.random() < 0.35
    name = draw.choice(functions() if is_function else classes())
    defaults = arguments_of(function_of(name).cls if is_function else name)
    keys = tuple(function_of(name).arguments if is_function else defaults)
    wanted = [key for key in keys if defaults.get(key) is REQUIRED]
    placed = draw.randint(0, len(keys)) if draw.random() < 0.3 else len(wanted) if draw.random() < 0.5 else 0
    said = []
    for place, key in enumerate(keys):
        value = draw.choice(VALUES.get(key, [repr(defaults.get(key, False))]))
        if place < placed:
            said.append(str(value))
        elif key in wanted or draw.random() < 0.25:
            said.append(f"{key}={value}")
    if name in ("Upsample", "interpolate") and not placed and not any("scale" in one for one in said):
        said.append("scale_factor=2")
    is_flat = name in ("BatchNorm1d", "Linear", "Dropout1d") or draw.random() < 0.15
    if not is_function:
        flat = "nn.Flatten(), " if is_flat else ""
        return f"{HEAD}net = nn.Sequential(nn.Conv2d(3, 6, 3), {flat}nn.{name}({', '.join(said)}))\n# 3 x 11 x 12\n"
    room = "torch" if name in ("sigmoid", "tanh", "flatten") else "F"
    lines = ["x = self.c(x)", *(["x = x.flatten(1)"] if is_flat else []), f"return {room}.{name}({', '.join(['x', *said])})"]
    begin = CLASS[: CLASS.index("self.c0")] + "self.c = nn.Conv2d(3, 6, 3)\n    def forward(self, x):\n"
    return HEAD + begin + "".join(f"        {line}\n" for line in lines) + "net = Net()\n# 3 x 11 x 12\n"


def filled(module: nn.Module) -> nn.Module:
    """Return a module whose tensors depend on their shapes alone, so that two nets of the same layers have the same weights."""
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            values = torch.linspace(-0.5, 0.7, tensor.numel()).reshape(tensor.shape)
            tensor.copy_(values if tensor.dim() > 1 else values.abs() + 0.05)
    return module.eval()


def is_equal(theirs: nn.Module, net: Net) -> bool | None:
    """True where torch's net and the one that was read have equal outputs; None where torch refuses to run it."""
    ours = filled(build_net(net))
    images = torch.randn(2, *net.input, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    with torch.no_grad():
        try:
            expected = filled(theirs)(images.clone())
        except (RuntimeError, TypeError, ValueError, IndexError):
            return None
        found = ours(images.clone())
    return expected.shape == found.shape and torch.allclose(expected, found, atol=1e-4)


def judged(text: str) -> str:
    """Return "equal", "named" or "refused by torch"; fail where the net that was read has other outputs than torch's."""
    try:
        read = read_code(text)
        said = [note.en for note in read.notes]
    except Refusal as refusal:
        read, said = None, [refusal.text.en]
    assert all(re.match(r"Line \d+: ", one) for one in said), (said, text)
    if said or summarise(read.spec).problem is not None:
        return "named"
    script = {"__name__": "pasted"}
    try:
        exec(compile(text, "pasted", "exec"), script)  # our own text, in a test
    except (TypeError, ValueError):
        return "refused by torch"
    found = is_equal(script["net"], read.spec)
    assert found is not False, text
    return "equal" if found else "refused by torch"


@pytest.mark.parametrize("start", range(0, 600, 200))
def test_a_random_program_is_read_as_torch_runs_it_or_named_by_its_line(start):
    found = [judged(program(seed)) for seed in range(start, start + 200)]
    assert found.count("equal") > 70 and found.count("named") > 50 and found.count("refused by torch") < 10


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", range(0, 1200, 400))
def test_a_random_call_is_read_as_torch_runs_it_or_named_by_its_line(start):
    found = [judged(one_call(seed)) for seed in range(start, start + 400)]
    assert found.count("equal") > 180 and found.count("named") > 80 and found.count("refused by torch") < 10
