"""Random nets of every kind of layer and knob: shapes, parameters, exported code that is read back, and ONNX, compared with torch."""

import onnx
import onnxruntime
import pytest
import torch

from tests.nets.random_nets import ALL, fitting_net
from vpc2 import rng
from vpc2.nets.export.onnx import check_onnx, to_onnx
from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Layer, Net, make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import read_code
from vpc2.text import Refusal


def test_the_random_nets_turn_every_knob_of_every_layer_and_have_several_convolutions():
    nets = [fitting_net(seed, with_head=True) for seed in range(300)]
    layers = [layer for net in nets for layer in net.walk()]
    assert {layer.kind for layer in layers} == set(LAYERS)
    for kind in LAYERS:
        for knob in LAYERS[kind].knobs:
            result = {repr(layer.params[knob.key]) for layer in layers if layer.kind == kind}
            assert len(result) > 1 or knob.key in ("expects", "out_features"), (kind, knob.key)
    convolutions = [sum(layer.kind in ("Conv2d", "ConvTranspose2d") for layer in net.walk()) for net in nets]
    assert sum(count > 1 for count in convolutions) > 150
    assert [fitting_net(seed) for seed in range(20)] == [fitting_net(seed) for seed in range(20)]


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_shapes_and_parameters_are_torchs(start):
    for seed in range(start, start + 100):
        net = fitting_net(seed, with_head=True)
        summary = summarise(net)
        module = build_net(net, device="meta").eval()
        shapes = []
        images = torch.zeros(2, *net.input, device="meta")
        for child in module:
            images = child(images)
            shapes.append(tuple(images.shape[1:]))
        assert shapes == [facts.output for facts in summary.layers], seed
        assert summary.params == sum(weights.numel() for weights in module.parameters()), seed


def answers(module: torch.nn.Module, tensors: list[torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    module.load_state_dict(dict(zip(module.state_dict(), tensors, strict=True)))
    with torch.no_grad():
        return module.eval()(images)


def tensors_of(net: Net, seed: int) -> list[torch.Tensor]:
    with rng.drawing(seed):
        return [tensor.detach().clone() for tensor in build_net(net).state_dict().values()]


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_the_code_of_a_random_net_runs_in_torch_and_reads_back_equal(start):
    read_back = 0
    for seed in range(start, start + 100):
        net = fitting_net(seed, with_head=True)
        text, script = to_code(net), {}
        exec(compile(text.rpartition("print(")[0], f"net{seed}.py", "exec"), script)  # our own text, in a test
        tensors = tensors_of(net, seed)
        images = torch.rand(2, *net.input, generator=torch.Generator().manual_seed(seed))
        expected = answers(build_net(net), tensors, images)
        assert torch.equal(answers(script["net"], tensors, images), expected), seed
        read = read_code(text)
        back, ours = summarise(read.spec), summarise(net)
        assert (read.notes, read.spec.input) == ((), net.input), (seed, read.notes)
        assert (back.output, back.params, back.macs) == (ours.output, ours.params, ours.macs), seed
        assert torch.equal(answers(build_net(read.spec), tensors, images), expected), seed
        read_back += 1
    assert read_back == 100


def each_of_the_table() -> list[Layer]:
    """Return a net of one layer for every kind, with every knob at its default and at each bound that a small image allows."""
    nets = []
    for kind, entry in LAYERS.items():
        if entry.block is not None:
            continue
        for knob in entry.knobs or (None,):
            for value in knob.extremes() if knob else (None,):
                given = {knob.key: value} if knob and knob.key != "expects" else {}
                before = [("Conv2d", {"out_channels": 6, "padding": 1})] + (["Flatten"] if entry.family == "dense" else [])
                net = make_net("", (3, 12, 14), *before, (kind, given))
                summary = summarise(net)
                if summary.problem is None and summary.params < 10**6 and summary.activation_bytes < 10**7:
                    nets.append(net)
    return nets


@pytest.mark.parametrize("net", each_of_the_table(), ids=lambda net: f"{net.layers[-1].kind} {net.layers[-1].params}")
def test_the_code_of_every_layer_reads_back_equal(net):
    read = read_code(to_code(net))
    assert read.notes == ()
    tensors = tensors_of(net, 3)
    images = torch.rand(2, *net.input, generator=torch.Generator().manual_seed(3))
    expected = answers(build_net(net), tensors, images)
    assert torch.equal(answers(build_net(read.spec), tensors, images), expected)


@pytest.mark.parametrize("key", [key for key in NETS if summarise(NETS[key].net).params < 10**7])
def test_a_preset_reads_back_and_answers_alike(key):
    net = NETS[key].net
    back = read_code(to_code(net)).spec
    images = torch.rand(2, *net.input, generator=torch.Generator().manual_seed(3))
    tensors = tensors_of(net, 3)
    assert torch.equal(answers(build_net(net), tensors, images), answers(build_net(back), tensors, images))


@pytest.mark.parametrize("seed", [7000, 7009])
def test_a_random_net_written_as_onnx_passes_strict_shape_inference_and_answers_alike(seed):
    net = fitting_net(seed, tuple(kind for kind in ALL if kind != "AdaptiveMaxPool2d"), with_head=True)
    check_onnx(summarise(net))
    data = to_onnx(net, seed)
    onnx.shape_inference.infer_shapes(onnx.load_from_string(data), check_type=True, strict_mode=True, data_prop=True)
    images = torch.rand(2, *net.input, generator=torch.Generator().manual_seed(seed))
    (scores,) = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(scores), answers(build_net(net), tensors_of(net, seed), images), rtol=1e-3, atol=1e-4)


def test_a_net_that_onnx_lacks_is_refused():
    with pytest.raises(Refusal):
        to_onnx(make_net("", (3, 9, 9), ("AdaptiveMaxPool2d", {"output_size": 4})))
