"""Exported nets, read by other programs: onnxruntime, TensorBoard's reader, Pillow, csv."""

import csv
import importlib.util
import io
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from vpc2 import rng
from vpc2.nets.drawing.svg import to_svg
from vpc2.nets.export import png
from vpc2.nets.export.even_pooling import without_ceil_mode
from vpc2.nets.export.onnx import check_onnx, to_onnx
from vpc2.nets.export.png import to_png
from vpc2.nets.export.tensorboard_graph import to_tensorboard
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.nets.summary.csv_table import TOTAL, to_csv
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Refusal

ROOT = Path(__file__).parents[3]
CONV = ("Conv2d", {"out_channels": 6, "padding": 1})
HALVING = ("Conv2d", {"out_channels": 8, "stride": 2, "padding": 1, "bias": False})
HEAD = ("GlobalAvgPool", ("Linear", {"out_features": 4}))
BLOCKS = make_net(
    "Blocks",
    (3, 20, 18),
    CONV,
    (
        "Residual",
        {},
        [[HALVING, "BatchNorm2d", "ReLU", ("Repeat", {"times": 3}, [[("Conv2d", {"out_channels": 8, "padding": 1}), "SiLU"]])]],
    ),
    ("Parallel", {}, [[("PointwiseConv2d", {"out_channels": 4})], [("Residual", {"activation": "none"}, [["GELU"]])], []]),
    ("SqueezeExcite", {"reduction": 4}),
    *HEAD,
)
WRITTEN = {
    "blocks": BLOCKS,
    "repeat": make_net("", (3, 12, 12), CONV, ("Repeat", {"times": 4}, [[CONV, "BatchNorm2d", "ReLU"]]), *HEAD),
    "transposed": make_net(
        "",
        (1, 9, 7),
        CONV,
        ("ConvTranspose2d", {"out_channels": 5, "kernel_size": 4, "stride": 3, "padding": 1, "output_padding": 1, "dilation": 2}),
        "Tanh",
        ("Conv2d", {"out_channels": 3, "kernel_size": [3, 2], "padding": "same", "dilation": 2}),
    ),
    "activations": make_net("", (3, 9, 9), CONV, *(key for key, entry in LAYERS.items() if entry.family == "activation"), *HEAD),
    "norms": make_net("", (3, 11, 13), CONV, ("GroupNorm", {"num_groups": 3}), "LeakyReLU", "LayerNorm", "LocalResponseNorm", *HEAD),
    "enlarged": make_net(
        "",
        (3, 10, 13),
        ("DepthwiseConv2d", {"multiplier": 2, "stride": 2}),
        ("Upsample", {"scale_factor": 3, "mode": "bilinear"}),
        ("AdaptiveAvgPool2d", {"output_size": [5, 3]}),
        ("AdaptiveMaxPool2d", {"output_size": 1}),
        "Flatten",
        ("Linear", {"out_features": 4}),
    ),
    "pooled": make_net(
        "",
        (3, 19, 16),
        CONV,
        ("MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        "Dropout2d",
        ("AvgPool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        "Flatten",
        ("Linear", {"out_features": 8}),
        "BatchNorm2d",
        "Dropout",
        ("Linear", {"out_features": 4}),
        "Softmax",
    ),
    "rounded up": make_net(
        "",
        (3, 62, 75),
        CONV,
        ("MaxPool2d", {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}),
        ("AvgPool2d", {"kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 0], "ceil_mode": True}),
        CONV,
        ("MaxPool2d", {"kernel_size": [4, 1], "stride": [3, 2], "padding": [2, 0], "ceil_mode": True}),
        ("Upsample", {"scale_factor": 3}),
        ("AvgPool2d", {"kernel_size": [1, 3], "stride": 2, "padding": [0, 1], "ceil_mode": True}),
        (
            "Parallel",
            {},
            [
                [("MaxPool2d", {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True})],
                [("AvgPool2d", {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True})],
            ],
        ),
    ),
    "lopsided": make_net(
        "",
        (3, 12, 15),
        ("Conv2d", {"out_channels": 6, "kernel_size": [4, 2], "padding": "same", "dilation": [1, 3]}),
        ("ConvTranspose2d", {"out_channels": 4, "kernel_size": [4, 2], "stride": [3, 2], "padding": [1, 0], "output_padding": [2, 1]}),
        ("AdaptiveAvgPool2d", {"output_size": [7, 20]}),
        ("MaxPool2d", {"kernel_size": [3, 5], "stride": [1, 2], "padding": [0, 2]}),
        ("DepthwiseConv2d", {"kernel_size": 4, "padding": [1, 2], "stride": [2, 1]}),
    ),
    "tiny": NETS["tiny"].net,
    "lenet5": NETS["lenet5"].net,
}


@pytest.mark.parametrize("start", range(0, 1500, 500))
def test_a_pooling_that_rounds_up_is_written_as_one_that_does_not(start):
    draw = random.Random(start)
    for case in range(500):
        kernel, stride = ((draw.randint(1, 5), draw.randint(1, 5)) for _ in range(2))
        padding = tuple(draw.randint(0, side // 2) for side in kernel)
        images = torch.randn(1, 2, draw.randint(5, 12), draw.randint(5, 12), generator=torch.Generator().manual_seed(case))
        more = {"count_include_pad": draw.random() < 0.7, "divisor_override": draw.choice([None, None, 3])}
        for pool in (nn.MaxPool2d(kernel, stride, padding, ceil_mode=True), nn.AvgPool2d(kernel, stride, padding, True, **more)):
            module = nn.Sequential(nn.Identity(), pool)
            even = without_ceil_mode(module)
            assert not any(getattr(one, "ceil_mode", False) for one in even.modules()) and module[1] is pool
            torch.testing.assert_close(even(images), module(images), rtol=1e-5, atol=1e-5)


def test_a_module_without_rounding_up_is_written_as_it_is_and_weights_are_shared():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2))
    assert without_ceil_mode(plain) is plain
    rounding = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, ceil_mode=True)).eval()
    made = without_ceil_mode(rounding)
    assert made[0].weight is rounding[0].weight and not made.training


def refusal_of(net) -> str:
    with pytest.raises(Refusal) as refused:
        to_onnx(net)
    said = refused.value.text
    assert said.en != said.say("es") and "\n" not in said.en
    return said.en


@pytest.mark.parametrize("key", list(WRITTEN))
def test_onnxruntime_answers_as_torch_does_with_the_same_weights(key):
    net = WRITTEN[key]
    data = to_onnx(net, seed=5)
    graph = onnx.load_from_string(data)
    onnx.checker.check_model(graph, full_check=True)
    onnx.shape_inference.infer_shapes(graph, check_type=True, strict_mode=True, data_prop=True)
    assert [one.name for one in graph.graph.input] == ["images"] and [one.name for one in graph.graph.output] == ["scores"]
    with rng.drawing(5):  # the same weights
        module = build_net(net).eval()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        images = torch.rand(batch, *net.input, generator=torch.Generator().manual_seed(batch))
        (scores,) = session.run(None, {"images": images.numpy()})
        with torch.no_grad():
            expected = module(images).numpy()
        assert scores.shape == expected.shape
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    assert session.get_inputs()[0].shape[0] == "batch"


def test_fresh_weights_depend_on_the_seed_alone():
    first, again, other = (_weights(to_onnx(WRITTEN["tiny"], seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["l13.weight"], other["l13.weight"])
    assert first.keys() >= {"l1.weight", "l13.weight", "l13.bias"}  # the names of the state dict


def _weights(data: bytes) -> dict[str, np.ndarray]:
    return {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load_from_string(data).graph.initializer}


def test_every_kind_is_either_written_or_refused_beforehand():
    """`check_onnx` knows the limits of torch's exporter: nets that it accepts are exported, others cannot be."""
    written = {facts.kind for net in WRITTEN.values() for facts in summarise(net).walk()}
    assert set(LAYERS) <= written
    odd = make_net("", (3, 12, 12), ("AdaptiveMaxPool2d", {"output_size": 5}))
    with pytest.raises(torch.onnx.OnnxExporterError):
        torch.onnx.export(build_net(odd).eval(), (torch.zeros(1, 3, 12, 12),), dynamo=True, verbose=False)
    assert "adaptive max pooling" in refusal_of(odd)


def test_what_is_too_large_or_does_not_fit_is_refused_in_one_sentence():
    assert "138,357,544" in refusal_of(NETS["vgg16"].net) and "100 MB" in refusal_of(NETS["vgg16"].net)
    long = make_net("", (3, 8, 8), ("Repeat", {"times": 10_000}, [["ReLU"]]))
    assert "10,000 layers" in refusal_of(long)
    assert "does not fit" in refusal_of(make_net("", (3, 8, 8), ("Conv2d", {"kernel_size": 9})))
    check_onnx(summarise(NETS["small"].net))


def _graph(tmp_path, net):
    """Return the graph as TensorBoard itself reads it."""
    (tmp_path / "events.out.tfevents.0.net").write_bytes(to_tensorboard(net))
    reader = EventAccumulator(str(tmp_path))
    reader.Reload()
    return {node.name: node for node in reader.Graph().node}


def test_tensorboard_reads_the_graph_with_the_nets_own_names_and_arrows(tmp_path):
    nodes = _graph(tmp_path, BLOCKS)
    shown = {name.rpartition("/")[2] for name in nodes}
    assert {facts.name.rpartition("/")[2] for facts in summarise(BLOCKS).walk() if LAYERS[facts.kind].block is None} <= shown
    assert all(source in nodes for node in nodes.values() for source in node.input)
    assert list(nodes["conv1"].input) == ["images"]
    assert list(nodes["res1/Residual"].input) == ["res1/rep1/silu1", "res1/derived/bn1"]
    assert list(nodes["par1/branch2/res2/Residual"].input) == ["par1/branch2/res2/gelu1", "res1/Residual"]  # nothing to project
    assert list(nodes["par1/Parallel"].input) == ["par1/branch1/pwconv1", "par1/branch2/res2/Residual", "res1/Residual"]
    assert list(nodes["se1/SqueezeExcite"].input) == ["par1/Parallel", "se1/derived/sigmoid1"]
    assert list(nodes["scores"].input) == ["fc1"]
    assert nodes["conv1"].op == "Conv2d" and nodes["conv1"].attr["out_channels"].s == b"6"
    assert [dim.size for dim in nodes["conv1"].attr["_output_shapes"].list.shape[0].dim] == [-1, 6, 20, 18]


def test_a_net_that_does_not_fit_is_drawn_as_far_as_it_goes(tmp_path):
    nodes = _graph(tmp_path, make_net("", (3, 8, 8), CONV, ("Residual", {}, [["ReLU", ("Conv2d", {"kernel_size": 9})]]), "ReLU"))
    assert set(nodes) == {"images", "conv1", "scores"}


@pytest.mark.parametrize("has_fonts", [True, False], ids=["own fonts", "no fonts"])
def test_a_picture_has_the_asked_width_and_words_that_can_be_seen(has_fonts, monkeypatch):
    if not has_fonts:
        monkeypatch.setattr(png, "_sans_family", lambda: None)
    elif png._sans_family() is None:
        pytest.skip("this machine has none of the fonts of SANS_FAMILIES: apt-get install fonts-dejavu-core")
    net = NETS["lenet5"].net
    svg = to_svg(summarise(net), net.input)
    wordless = re.sub(r"<text.*?</text>", "", svg)
    assert wordless != svg
    shown, without = (np.asarray(Image.open(io.BytesIO(to_png(one, 1200))).convert("RGB")) for one in (svg, wordless))
    assert shown.shape[1] == 1200
    assert (shown != 255).any(axis=2).mean() > 0.05
    assert Image.open(io.BytesIO(to_png(svg))).width == 2 * round(float(re.search(r'width="([\d.]+)"', svg)[1]))
    assert (shown != without).any(axis=2).sum() > 1000


_DRAW = """
import io, sys
from PIL import Image
from vpc2.nets.export import png
svg = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40"><text y="30" font-family="system-ui, sans-serif">{}</text></svg>'
drawn = [Image.open(io.BytesIO(png.to_png(svg.format(word), 300))).convert("L") for word in ("", "3 × 224 × 224")]
print(png._sans_family(), *(sum(one.histogram()[:200]) for one in drawn))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="fontconfig says which fonts there are on Linux alone")
@pytest.mark.parametrize("font", ["DejaVuSans.ttf", ""], ids=["DejaVu alone", "none"])
def test_words_are_drawn_on_a_machine_with_one_font_and_with_none(font, tmp_path):
    """Matplotlib contains DejaVu Sans, the only font of a slim Debian, which lacks resvg's own choice for "sans-serif"."""
    (tmp_path / "fonts").mkdir()
    if font:
        matplotlib = importlib.util.find_spec("matplotlib").submodule_search_locations[0]
        shutil.copy(Path(matplotlib, "mpl-data", "fonts", "ttf", font), tmp_path / "fonts")
    only = tmp_path / "fonts.conf"
    only.write_text(f'<?xml version="1.0"?><fontconfig><dir>{tmp_path / "fonts"}</dir></fontconfig>', "utf-8")
    env = {**os.environ, "FONTCONFIG_FILE": str(only)}
    done = subprocess.run([sys.executable, "-c", _DRAW], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    family, without, inked = done.stdout.rsplit(maxsplit=2)
    assert family == ("DejaVu Sans" if font else "None")
    assert int(without) == 0 and int(inked) > 200


@pytest.mark.parametrize("net", [BLOCKS, NETS["alexnet"].net], ids=["blocks", "alexnet"])
def test_the_table_adds_up_as_a_spreadsheet_reads_it(net):
    text, summary = to_csv(summarise(net)), summarise(net)
    assert text.count("\r\n") == text.count("\n")
    *rows, total = csv.DictReader(io.StringIO(text, newline=""))
    assert total["path"] == TOTAL
    assert [row["name"] for row in rows] == [facts.name for facts in summary.walk()]
    assert len({row["path"] for row in rows}) == len(rows)
    for column, sum_ in (("parameters", summary.params), ("multiply_adds", summary.macs), ("memory_bytes", summary.activation_bytes)):
        assert sum(int(row[column]) for row in rows if row["depth"] == "0") == sum_ == int(total[column])


def test_the_table_of_the_lectures_first_layer():
    first = next(csv.DictReader(io.StringIO(to_csv(summarise(NETS["alexnet"].net)))))
    asked = ("path", "output", "kernel_size", "stride", "padding", "parameters", "receptive_field_px", "jump_px")
    assert [first[column] for column in asked] == ["conv1", "55 x 55 x 96", "11", "4", "0", "34944", "11", "4"]


def test_a_layer_that_does_not_fit_says_why_in_its_row():
    rows = list(csv.DictReader(io.StringIO(to_csv(summarise(make_net("", (3, 8, 8), ("Conv2d", {"kernel_size": 9}), "ReLU"))))))
    assert "does not fit" in rows[0]["problem"] and rows[0]["output"] == rows[1]["output"] == rows[2]["output"] == ""
