"""Throw-away entries of the tables of nets."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import correlate

from tests.laws.throw_away import HELP, STRENGTH, TITLE, WORDS, add, offers, opened, throws_away, travels, widget
from tests.pages.test_pages import open_app, said
from tests.training.export.test_script_law import a_recipe, check
from tests.ui.pages import sent
from vpc2 import codec
from vpc2.nets.export.pytorch_code import to_code as net_to_code
from vpc2.nets.inspection.kernels import ExampleKernel
from vpc2.nets.layers.branch_recognition import BlockMatch
from vpc2.nets.layers.kind import Block, LayerKind
from vpc2.nets.presets import NETS, NetPreset
from vpc2.nets.spec import edit_add, make_net
from vpc2.nets.summary.csv_table import to_csv
from vpc2.nets.summary.lessons import NetPair
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import read_code
from vpc2.text import Text
from vpc2.ui.home.lecture_map import LectureCard, link_parameters


def follow(net, tmp_path):
    """Summarise, export, read back, train three steps (with the script) and look at a net in Build."""
    summary = summarise(net)
    assert summary.problem is None and travels(net)
    kinds = [facts.kind for facts in summary.walk()]
    code = net_to_code(net)
    read = read_code(code)
    assert not read.notes and [facts.kind for facts in summarise(read.spec).walk()] == kinds
    text = check(a_recipe(net=net, epochs=1), tmp_path / "run")
    at = open_app("build", s=codec.to_token(net))
    assert any(kinds[1] in line for line in to_csv(summary).splitlines())
    return code, text, at


@throws_away(LAYERS=LayerKind)
def test_a_layer(offer, tmp_path):
    alpha = replace(STRENGTH, key="alpha")
    celu = LayerKind(key="CELU", target="torch.nn.CELU", function="celu", family="activation", stem="celu", knobs=(alpha,), **WORDS)
    add(offer, "LAYERS", celu)
    layers = ("Conv2d", {"out_channels": 6, "kernel_size": 3}), ("CELU", {"alpha": 0.7}), "Flatten", ("Linear", {"out_features": 4})
    net = make_net("thrown", (3, 16, 16), *layers)
    code, _text, at = follow(net, tmp_path)
    assert "nn.CELU(alpha=0.7)" in code
    at.session_state["net/selected"] = net.layers[1].id
    assert widget(at.run(), "/CELU/alpha").value == 0.7 and not at.exception
    called = code.partition("net = ")[0] + (
        "import torch.nn.functional as F\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.c = nn.Conv2d(3, 6, 3)\n    def forward(self, x):\n        return F.celu(self.c(x), 0.7)\nnet = Net()\n"
    )
    assert read_code(called).spec.layers[1].params == {"alpha": 0.7} and read_code(called).spec.layers[1].kind == "CELU"


def test_a_block(offer, write, tmp_path):
    """It multiplies what comes in by what its body makes of it, as a gated linear unit does."""
    write(
        "vpc2.nets.layers.thrown_away",
        """from torch import nn


class Gated(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x * self.body(x)
""",
    )
    block = Block(
        join=lambda p, shape, outs: shape,
        sign="×",
        starter=lambda channels: ([("Conv2d", {"out_channels": channels, "kernel_size": 1}), ("Tanh", {})],),
        recognise=lambda branches: BlockMatch({}, [next(filter(None, branches))]) if () in map(tuple, branches) else None,
    )
    target = "vpc2.nets.layers.thrown_away.Gated"
    add(offer, "LAYERS", LayerKind(key="Gated", target=target, family="block", stem="gated", block=block, **WORDS))
    net = make_net("thrown", (3, 16, 16), ("Conv2d", {"out_channels": 6, "kernel_size": 3}))
    net = edit_add(edit_add(edit_add(net, "Gated", channels=6), "Flatten"), "Linear", {"out_features": 4})
    code, text, _at = follow(net, tmp_path)
    assert "class Gated(nn.Module)" in code and "class Gated(nn.Module)" in text


@throws_away(NETS=NetPreset)
def test_a_net_preset(offer):
    add(offer, "NETS", NetPreset(key="thrown", build=lambda: replace(NETS["tiny"].net, name="Thrown"), **WORDS))
    at = open_app("build")
    assert offers(at, "net/preset/0")
    widget(at, "net/preset/0").select("thrown").run()
    assert not at.exception and at.metric[0].value == f"{summarise(NETS['tiny'].net).params:,}"
    assert TITLE.en in str(open_app("train").main)


@throws_away(PAIRS=NetPair)
def test_a_pair_of_nets(offer):
    """Two that learn nothing: what is asked of a pair does not need parameters."""
    left, right = (
        NetPreset(key=kind, build=lambda kind=kind: make_net(kind, (3, 16, 16), (kind, {"kernel_size": 4})), **WORDS)
        for kind in ("MaxPool2d", "AvgPool2d")
    )
    lesson = Text("Both see {left_field:,} pixels, and {right_field:,}.")
    add(offer, "PAIRS", NetPair(key="thrown", left=left, right=right, lesson=lesson, **WORDS))
    at = open_app("build", pair="thrown")
    assert offers(at, "compare/pair") and widget(at, "compare/pair").value == "thrown"
    assert "Both see 4 pixels, and 4." in said(at).replace("\\", "") and not at.error
    card = LectureCard(key="thrown", page="build", pair="thrown", **WORDS)
    assert link_parameters(card) == {"pair": "thrown"}


@throws_away(KERNELS=ExampleKernel)
def test_an_example_kernel(offer):
    """Under the window in Build, and over the whole photograph in Judge, it is what scipy makes of the photograph."""
    rows = (0, 1, 0), (2, -5, 0), (0, 0, 4)
    add(offer, "KERNELS", ExampleKernel(key="thrown", rows=rows, divisor=3, **WORDS))
    net = make_net("thrown", (3, 24, 24), ("Conv2d", {"out_channels": 4, "kernel_size": 3}))
    at = open_app("build", s=codec.to_token(net))
    for key, value in {"build/tabs": "See it", "see/view": "closely", "net/selected": net.layers[0].id}.items():
        at.session_state[key] = value
    at.run()
    box = next(box for box in at.selectbox if "see/kernel" in box.key)
    assert TITLE.en in box.options
    box.select("thrown").run()
    assert not at.exception and not at.error
    (shown,) = sent(at, "see/closely/numbers")
    assert TITLE.en in shown["words"]["kernel"] and HELP.en in shown["words"]["hint"]
    assert shown["kernel"] == [list(row) for row in rows] and shown["divisor"] == 3
    wanted = correlate(np.array(shown["cells"], float), np.array(rows, float))[1:-1, 1:-1] / 3
    np.testing.assert_allclose(np.array(shown["outputs"], float), wanted, atol=1e-3)
    assert offers(opened("judge", "Look inside", **{"inside/view": "hand"}), "inside/kernel")
