"""Reading of pasted code: as torch would run it, wrong numbers kept, unknown code noted by line, and nothing executed."""

import os
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Layer, Net, make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import MAX_CODE_BYTES, read_code
from vpc2.nets.torch_reader.torch_signatures import IGNORED_ARGUMENTS, REQUIRED, arguments_of, classes, function_of, functions, kind_of
from vpc2.text import Refusal

# Written by hand as students write them; each is also run for real, by torch, and compared.
HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
TAUGHT = {
    "lenet": """
class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = torch.relu(self.fc1(x))
        x = F.dropout(x, 0.3, training=self.training)
        return self.fc2(x)

net = LeNet()
x = torch.randn(1, 1, 32, 32)
print(net(x).shape)
""",
    "residual": """
class Block(nn.Module):
    def __init__(self, in_ch, out_ch, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_ch)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_ch)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_ch != out_ch:
            self.shortcut = nn.Sequential(nn.Conv2d(in_ch, out_ch, 1, stride=stride, bias=False), nn.BatchNorm2d(out_ch))

    def forward(self, x):
        identity = self.shortcut(x)
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return F.relu(out, inplace=True)

class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_ch = 16
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.layer1 = self._make_layer(block, 16, num_blocks[0], 1)
        self.layer2 = self._make_layer(block, 32, num_blocks[1], 2)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(32, num_classes)

    def _make_layer(self, block, out_ch, count, stride):
        layers = []
        for s in [stride] + [1] * (count - 1):
            layers.append(block(self.in_ch, out_ch, s))
            self.in_ch = out_ch
        return nn.Sequential(*layers)

    def forward(self, x):
        out = self.layer2(self.layer1(self.stem(x)))
        out = torch.flatten(self.pool(out), 1)
        return self.fc(out)

net = ResNet(Block, [2, 2])
""",
    "inception": """
def conv(i, o, k, **kw):
    return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, **kw), nn.ReLU(inplace=True))

class Inception(nn.Module):
    def __init__(self, i, widths):
        super().__init__()
        self.paths = nn.ModuleList([conv(i, w, k) for w, k in zip(widths, (1, 3, 5))])
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x):
        outs = [path(x) for path in self.paths]
        outs.append(self.pool(x))
        return torch.cat(outs, dim=1)

net = nn.Sequential(conv(3, 8, 3, stride=2), Inception(8, [4, 6, 2]), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 5))
""",
    "squeeze": """
class SE(nn.Module):
    def __init__(self, channels, r=4):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels // r, 1), nn.ReLU(), nn.Conv2d(channels // r, channels, 1), nn.Sigmoid()
        )

    def forward(self, x):
        return x * self.gate(x)

net = nn.Sequential(nn.Conv2d(3, 16, 3), SE(16), nn.Upsample(scale_factor=2, mode="bilinear"), nn.AvgPool2d(2))
""",
    "ordered": """
from collections import OrderedDict
widths: list = [3, 8, 16]
layers = OrderedDict([(f"conv{i}", nn.Conv2d(a, b, 3, padding="same")) for i, (a, b) in enumerate(zip(widths, widths[1:]))])
features = nn.Sequential(layers)
net = nn.Sequential(features, nn.GroupNorm(4, 16), nn.LeakyReLU(0.2), nn.ConvTranspose2d(16, 4, 2, 2), nn.Dropout2d(0.1))
if __name__ == "__main__":
    print(net)
""",
    "indexed": """
first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
more = [nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)]
net = nn.Sequential(first[0], first[-1], more[0], nn.Tanh(), more[2])
""",
    "pooled": """
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, (3, 5), stride=(1, 2)), nn.SiLU(), nn.LocalResponseNorm(3), nn.Tanh())

class Whole(nn.Module):
    depth = 3
    def __init__(self):
        super().__init__()
        self.body = Net()
        self.more = nn.ModuleList()
        for i in range(self.depth):
            self.more.append(nn.Conv2d(4, 4, 3, padding=1, groups=2 if i else 1))
        self.head = nn.Linear(4, 2)
    def forward(self, x):
        x = self.body(x)
        for layer in self.more:
            x = x + F.gelu(layer(x))
        return self.head(x.mean(dim=[2, 3]))

net = Whole()
""",
}


@pytest.mark.parametrize("name", list(TAUGHT))
def test_code_is_read_as_torch_runs_it(name):
    text = HEAD + TAUGHT[name]
    read = read_code(text)
    assert read.notes == ()
    script = {"__name__": "pasted"}
    exec(compile(text, name, "exec"), script)  # our own text, in a test
    theirs, ours = script["net"].eval(), build_net(read.spec).eval()
    tensors = list(theirs.state_dict().values())
    assert [tuple(one.shape) for one in ours.state_dict().values()] == [tuple(one.shape) for one in tensors]
    ours.load_state_dict(dict(zip(ours.state_dict(), tensors, strict=True)))
    images = torch.rand(2, *read.spec.input)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs(images), atol=1e-6)


def plain(layers: tuple[Layer, ...]) -> list:
    return [(one.kind, one.params, [plain(branch) for branch in one.branches]) for one in layers]


CANONICAL = ("vgg16_bn", "resnet18", "resnet50", "googlenet", "squeezenet1_1", "alexnet", "lenet5")


@pytest.mark.parametrize("key", list(NETS))
def test_the_code_of_a_preset_gives_its_net_back(key):
    net = NETS[key].net
    read = read_code(to_code(net))
    ours, back = summarise(net), summarise(read.spec)
    assert (back.params, back.macs, back.output, read.spec.input, read.notes) == (ours.params, ours.macs, ours.output, net.input, ())
    if key in CANONICAL:
        assert plain(read.spec.layers) == plain(net.layers)


_PICTURES = [
    *(("Conv2d", {"out_channels": o, "kernel_size": k, "padding": k // 2, "bias": o == 4}) for o in (4, 6) for k in (1, 3)),
    ("Conv2d", {"out_channels": 4, "kernel_size": [3, 1], "stride": [2, 1], "groups": 2}),
    ("DepthwiseConv2d", {"padding": 1, "multiplier": 2}),
    ("PointwiseConv2d", {"out_channels": 8}),
    ("ConvTranspose2d", {"out_channels": 4}),
    ("MaxPool2d", {"ceil_mode": True}),
    ("AvgPool2d", {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("Upsample", {}),
    *((kind, {}) for kind in ("ReLU", "ReLU6", "GELU", "GroupNorm", "LayerNorm", "Dropout2d")),
    ("BatchNorm2d", {"affine": False}),
    ("LeakyReLU", {"negative_slope": 0.2}),
]  # fmt: skip


def items(depth: int):
    inner = st.deferred(lambda: st.lists(items(depth - 1), max_size=3))
    blocks = [
        st.tuples(st.just("Residual"), st.fixed_dictionaries({"activation": st.sampled_from(["ReLU", "none"]),
                  "projection": st.sampled_from(["conv", "conv_bn"])}), inner.map(lambda one: [one])),
        st.tuples(st.just("Parallel"), st.just({}), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just("Repeat"), st.fixed_dictionaries({"times": st.integers(1, 40)}), inner.map(lambda one: [one])),
        st.just(("SqueezeExcite", {"reduction": 2}, [])),
    ]  # fmt: skip
    return st.one_of(st.sampled_from(_PICTURES), *(blocks if depth else []))


@st.composite
def block_nets(draw) -> Net:
    layers = draw(st.lists(items(2), min_size=1, max_size=4))
    tail = draw(st.sampled_from([[], ["GlobalAvgPool", ("Linear", {"out_features": 5})], ["Flatten", "Dropout", ("Linear", {})]]))
    return make_net("", (draw(st.sampled_from([1, 3])), draw(st.integers(6, 20)), draw(st.integers(6, 20))), *layers, *tail)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(block_nets())
def test_the_code_of_a_random_net_gives_it_back(net):
    ours = summarise(net)
    widest = max((facts.output[0] for facts in ours.walk() if facts.output), default=0)
    if ours.problem is not None or ours.count > 900 or widest > LAYERS["Conv2d"].knob("out_channels").high:
        return  # a repeated depthwise convolution has more filters than the code of a convolution may ask for here
    try:
        read = read_code(to_code(net))
    except Refusal as refusal:
        assert "no layers" in refusal.text.en  # blocks that hold nothing
        assert ours.params == 0
        return
    back = summarise(read.spec)
    assert (back.output, back.params, back.macs) == (ours.output, ours.params, ours.macs)
    tensors = [[tuple(one.shape) for one in build_net(one, device="meta").state_dict().values()] for one in (net, read.spec)]
    assert tensors[0] == tensors[1]


def test_a_repetition_is_read_once_however_often_it_stands():
    net = make_net("", (3, 8, 8), ("Repeat", {"times": 10_000}, [[("Conv2d", {"out_channels": 3, "padding": 1}), "ReLU"]]))
    assert plain(read_code(to_code(net)).spec.layers) == plain(net.layers)


def test_a_wrong_number_stays_as_what_the_layer_expects_and_can_be_repaired():
    text = (
        HEAD
        + """
net = nn.Sequential(
    nn.Conv2d(3, 256, 3), nn.MaxPool2d(6), nn.Flatten(),
    nn.Linear(9216, 10),
)
"""
    )
    net = read_code(text).spec
    problem = summarise(net).problem
    assert problem.text.en == "fc1: This layer expects 9,216 numbers and gets 6,400."
    assert summarise(problem.repairs[0].apply(net)).output == (10,)
    assert [layer.params["expects"] for layer in net.layers if "expects" in layer.params] == [0, 9216]


def test_a_wrong_number_where_there_is_no_knob_for_it_is_noted_by_line():
    read = read_code("nn.Sequential(\n  nn.Conv2d(3, 8, 3),\n  nn.BatchNorm2d(16),\n)")
    assert [note.en for note in read.notes] == ["Line 3: BatchNorm2d says num_features=16 and gets 8; here it follows what comes in."]
    assert summarise(read.spec).problem is None


def test_one_of_a_list_of_copies_named_twice_is_one_layer():
    once, twice = (
        read_code(HEAD + f"more = [nn.Conv2d(3, 3, 1) for _ in range(3)]\nnet = nn.Sequential({both})")
        for both in ("more[0], more[1]", "more[1], more[1]")
    )
    assert once.notes == ()
    assert ["more than once" in note.en for note in twice.notes] == [True]


def test_what_is_not_known_is_left_out_and_named_by_its_line():
    text = "class Net(nn.Module):\n  def __init__(self):\n    super().__init__()\n    self.a = nn.Conv2d(3, 8, 3)\n"
    text += "    self.b = nn.LSTM(8, 8)\n"
    text += "  def forward(self, x):\n    x = self.b(self.a(x))\n    x = F.pixel_unshuffle(x, 2)\n    return x.roll(1)\n"
    read = read_code(text)
    assert [note.en for note in read.notes] == [
        "Line 5: nn.LSTM is not known here; it was left out.",
        "Line 8: torch.nn.functional.pixel_unshuffle is not known here; it was left out.",
        "Line 9: x.roll is not known here; it was left out.",
    ]
    assert [note.say("es").split(":")[0] for note in read.notes] == ["Línea 5", "Línea 8", "Línea 9"]
    assert [layer.kind for layer in read.spec.layers] == ["Conv2d"]


@pytest.mark.parametrize(
    ("text", "side", "shape"),
    [
        ("nn.Sequential(nn.Conv2d(3, 8, 3))", None, (3, 32, 32)),
        ("nn.Sequential(nn.Conv2d(1, 8, 3))", None, (1, 32, 32)),
        ("nn.Sequential(nn.Conv2d(1, 8, 3))", 48, (1, 48, 48)),
        ("net = nn.Sequential(nn.Conv2d(1, 8, 3))\nx = torch.zeros(8, 1, 28, 30)", None, (1, 28, 30)),
        ("net = nn.Sequential(nn.Conv2d(3, 8, 3))\nsummary(net, (3, 64, 64))", None, (3, 64, 64)),
        ("net = nn.Sequential(nn.Conv2d(3, 8, 3))\nsummary(net, input_size=(1, 3, 96, 96))", None, (3, 96, 96)),
        ("# pictures of 3 x 224 x 224\nnn.Sequential(nn.Conv2d(3, 8, 3))", None, (3, 224, 224)),
        ("nn.Sequential(nn.Flatten(), nn.Linear(784, 10))", None, (1, 28, 28)),
        ("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", None, (3, 32, 32)),
    ],
)  # fmt: skip
def test_the_picture_that_comes_in_is_found(text, side, shape):
    assert read_code(text, side).spec.input == shape


BUSY = (
    "class Net(nn.Module):\n    def forward(self, x):\n        a = x\n        for i in range(900):\n            for j in range(15):\n"
    "                {}\n        return x"
)
WHOLE_SCRIPT = (
    "import torch\nimport torchvision\nimport torchvision.transforms as transforms\nimport matplotlib.pyplot as plt\nimport numpy as np\n"
    "torch.manual_seed(0)\ndevice = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
    "transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))])\n"
    "trainset = torchvision.datasets.CIFAR10(root='./data', train=True, download=True, transform=transform)\n"
    + HEAD + TAUGHT["lenet"].replace("nn.Conv2d(1, 6", "nn.Conv2d(3, 6").partition("x = torch.randn")[0]
    + "criterion = nn.CrossEntropyLoss()\noptimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)\n"
    "for epoch in range(2):\n    for i, data in enumerate(trainloader, 0):\n        inputs, labels = data\n        loss.backward()\n"
    "print('Finished Training')\ntorch.save(net.state_dict(), './cifar_net.pth')\n"
)  # fmt: skip


def test_the_net_is_found_in_a_whole_training_script():
    read = read_code(WHOLE_SCRIPT)
    assert read.notes == () and read.spec.input == (3, 32, 32) and read.spec.name == "LeNet"
    sizes = ((3 * 25, 6), (6 * 25, 16), (16 * 25, 120), (120, 10))
    assert summarise(read.spec).params == sum(weights * out + out for weights, out in sizes)


HOSTILE = {
    "import os\nos.system('touch {marker}')\nnet = nn.Sequential(nn.ReLU())": "Line 1",
    "from subprocess import run\nrun(['touch', '{marker}'])": "Line 1",
    "net = nn.Sequential(nn.ReLU())\n__import__('os').system('touch {marker}')": "Line 2",
    "net = nn.Sequential(nn.Conv2d(3, eval('4'), 3))": "Line 1",
    "net = nn.Sequential(nn.ReLU())\nopen('{marker}', 'w').write('x')": "Line 2",
    "net = nn.ReLU.__class__.__base__.__subclasses__()": "Line 1",
    "layers = []\nfor i in range(10**9):\n    layers.append(nn.ReLU())\nnet = nn.Sequential(*layers)": "Line 2",
    "net = nn.Sequential(*[nn.ReLU() for i in range(1000000000)])": "Line 1",
    "layers = []\nwhile True:\n    layers.append(nn.ReLU())": "Line 2",
    "a = [0] * 900\nb = [a for i in range(900) for j in range(900)]\nnet = nn.Sequential(nn.ReLU(), b)": "",
    "def f(n):\n    return f(n + 1)\nnet = f(0)": "Line",
    "def f(x):\n    for i in range(900):\n        for j in range(900):\n            x = x + 1\n    return x\nnet = f(0)": "too much",
    "a = [1]\nfor i in range(60):\n    a = a + a": "too much",
    "a = [1]\nfor i in range(60):\n    a += a": "too much",
    "a = [1]\nfor i in range(60):\n    a.extend(a)": "too much",
    "a = [1]\nfor i in range(60):\n    a = [*a, *a]": "too much",
    "a = ''\nfor i in range(60):\n    a = a + 'x' + a": "too much",
    "a = 2\nfor i in range(60):\n    a = a * a": "too large",
    BUSY.format("x = torch.cat([x] * 900, 1)"): "",
    BUSY.format("x = a + x"): "",
    BUSY.format("x = F.relu(x)"): "3,000",
    "x = 10 ** 10 ** 10\nnet = nn.Sequential(nn.Linear(x, x))": "",
    "x = 'a' * 10 ** 9": "",
    "net = nn.Sequential(nn.Linear(3, 10 ** 12))": "",
    "(" * 5000 + ")" * 5000: "",
    "x = " + "-" * 60_000 + "1": "",
    "x = " + "+".join(["1"] * 20_000): "",
    "x = a" + ".b" * 20_000: "",
    "x = " + "[" * 150 + "]" * 150: "",
    "if 1:\n pass\n" + "el" + "if 1:\n pass\nel".join([""] * 3000) + "se:\n pass": "",
    "x" * (MAX_CODE_BYTES + 1): "64",
    "\x00": "",
    "x = 1" + "0" * 6000: "",
    "\udc80": "",
    "": "no net",
    "print('hello')": "no net",
    "class Net(nn.Module):\n    pass": "",
    "class Net(nn.Module):\n    def forward(self, x):\n        return 3": "",
    "class Net(nn.Module):\n  def __init__(self, width):\n    super().__init__()\n  def forward(self, x):\n    return x": "width",
    "net = nn.Sequential()": "no layers",
    "net = nn.Sequential(nn.Conv2d())": "Line 1",
    "net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, 1, 1, True, 'zeros', None, None, 5))": "Line 1",
    "net = nn.Sequential(nn.Conv2d(3, 8.5, 3))": "Line 1",
    "net = nn.Sequential(nn.Conv2d(3, 8, filters=3))": "filters",
    "net = nn.Sequential(nn.MaxPool2d(2, dilation=3))": "dilation",
    "net = nn.Sequential(3)": "Line 1",
    "net = nn.Sequential(nn.ReLU(), nn.Tanh() if None < 3 else nn.ReLU())": "Line 1",
    "class Net(nn.Module):\n    def forward(self, x):\n        return x.mean([[2], [3]])": "Line 3",
}  # fmt: skip


@pytest.mark.parametrize("text", list(HOSTILE), ids=range(len(HOSTILE)))
def test_bad_and_hostile_text_ends_in_one_sentence_and_is_never_run(text, tmp_path):
    marker, said = tmp_path / "ran", []

    def read():  # in a thread, as the page does, with its smaller stack
        try:
            read_code(text.replace("{marker}", str(marker)))
        except Refusal as refusal:
            said.append(refusal.text)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
    (refusal,) = said
    assert HOSTILE[text] in refusal.en
    for sentence in (refusal.en, refusal.say("es")):
        assert sentence and "\n" not in sentence and len(sentence) < 300 and "{" not in sentence
    assert not marker.exists()


def test_the_marker_of_the_hostile_texts_can_appear(tmp_path):
    os.system(f"touch {tmp_path / 'ran'}")  # noqa: S605 - the command that the text above would have run
    assert (tmp_path / "ran").exists()


_WORDS = st.sampled_from(
    [
        *("nn.Sequential(", "nn.Conv2d(", "3", ",", "8", ")", "self", "x", "=", "return", "\n", "\n    ", ":", "for", "i", "in", "range("),
        *("[", "]", "F.relu(", "torch.cat(", "lambda", "*", "**", "def", "class", "Net", "nn.Module", "forward", "__init__", "super()."),
        *("if", "else", "None", "True", "-1", "x.view(", "+", "%", "//", ".", "'a'", "f'{x}'", "yield", "await", "with", "try", "import"),
        *("math", "os", "print(", "0", "1e9"),
    ]
)
_LINES = st.sampled_from([line for text in TAUGHT.values() for line in text.splitlines()])


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.one_of(st.lists(_WORDS, max_size=25).map(" ".join), st.lists(_LINES, max_size=40).map("\n".join), st.text(max_size=120)))
def test_any_text_is_a_net_or_a_refusal(text):
    try:
        net = read_code(text).spec
    except Refusal as refusal:
        assert refusal.text.en and refusal.text.say("es")
        return
    summarise(net)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(list(TAUGHT)), st.data())
def test_damaged_code_is_a_net_or_a_refusal(name, data):
    text = HEAD + TAUGHT[name]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 6))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", "0", "-1", "x", ", None", "*", "[0]", "(x)", ".size", "None", "'a'", "[]"]))
            + text[at + cut :]
        )
    try:
        net = read_code(text).spec
    except Refusal as refusal:
        assert refusal.text.en and refusal.text.say("es")
        return
    summarise(net)


@pytest.mark.parametrize("name", classes())
def test_every_argument_of_a_class_has_a_place(name):
    """Each argument of torch's class is a knob, follows from the input, is fixed, or has a default."""
    entry = LAYERS[kind_of(name)]
    follows = entry.shape_arguments(entry.defaults(), (16, 8, 8))
    for key, default in arguments_of(name).items():
        has_place = key in {knob.key for knob in entry.knobs} or key in follows or key in IGNORED_ARGUMENTS or key in dict(entry.fixed)
        assert has_place or default is not REQUIRED, key


@pytest.mark.parametrize("name", functions())
def test_a_function_takes_what_its_class_takes(name):
    """Its arguments are those of its class or are ignored; torch accepts the image with them, in this order."""
    function = function_of(name)
    known = {*arguments_of(function.cls), *IGNORED_ARGUMENTS, "training", "antialias"}
    assert set(function.arguments) <= known
    entry = LAYERS[kind_of(function.cls)]
    expected = {"kernel_size": 2, "output_size": 2, "scale_factor": 2.0, "size": 3, "dim": 1, **dict(entry.fixed)}
    if name == "interpolate":
        expected["size"] = None
    called = getattr(functional, name, None) or getattr(torch, name)
    given = [expected.get(key, default) for key, default in function.arguments.items()]
    images = torch.zeros(2, 3, 4, 4)
    if name in ("gelu", "softmax", "interpolate"):  # some of theirs are taken by name only
        called(images, **dict(zip(function.arguments, given, strict=True)))
    else:
        called(images, *given)
