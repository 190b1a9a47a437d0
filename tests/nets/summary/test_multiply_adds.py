"""Multiply-adds compared with torch's flop counter: convolutions and dense layers, without biases and normalisations."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.nets.random_nets import ALL, fitting_net
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import position_count
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, make_net
from vpc2.nets.summary.layer_summary import Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.torchvision_nets import CLASSIFIERS, read_torchvision


def by_torch(net: Net) -> int:
    """Return the result of torch's counter: half of the floating-point operations for one image, on the meta device."""
    module = build_net(net, device="meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, *net.input, device="meta"))
    return counter.get_total_flops() // 2


def multiplied(summary: Summary, layers=None) -> int:
    """Return the multiply-adds of a summary without those that torch's counter omits: biases, and layers that only scale and shift."""
    total = 0
    for facts in summary.layers if layers is None else layers:
        if facts.kind == "Repeat":  # its copies, one by one
            total += sum(multiplied(summary, copy) * count for copy, count in copies(facts))
        elif LAYERS[facts.kind].block is not None:
            total += sum(multiplied(summary, branch) for branch in facts.branches)
        elif LAYERS[facts.kind].family in ("convolution", "dense"):
            has_bias = facts.layer.params["bias"]
            total += facts.macs - (facts.output[0] * position_count(facts.output) if has_bias else 0)
    return total


def copies(facts):
    from vpc2.nets.summary.summarise import copies_of

    return copies_of(facts)


@pytest.mark.parametrize("key", [key for key in NETS if key != "dense_720p"])
def test_a_presets_multiply_adds_are_torchs(key):
    net = NETS[key].net
    assert multiplied(summarise(net)) == by_torch(net)


@pytest.mark.parametrize("name", ["alexnet", "densenet121", "inception_v3", "mnasnet1_0", "resnext50_32x4d", "vgg11_bn", "squeezenet1_0"])
def test_a_torchvision_nets_multiply_adds_are_torchs(name):
    assert name in CLASSIFIERS
    net = read_torchvision(name).spec
    assert multiplied(summarise(net)) == by_torch(net)


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_random_nets_multiply_adds_are_torchs(start):
    kinds, deconvolutions = (*ALL, "ConvTranspose2d", "ConvTranspose2d"), 0
    for seed in range(start, start + 100):
        net = fitting_net(seed, kinds, with_head=True)
        deconvolutions += sum(layer.kind == "ConvTranspose2d" for layer in net.walk())
        assert multiplied(summarise(net)) == by_torch(net), seed
    assert deconvolutions > 20


@pytest.mark.parametrize("bias", [True, False])
def test_the_formula_of_a_transposed_convolution_is_its_number(bias):
    net = make_net("", (3, 9, 7), ("ConvTranspose2d", {"out_channels": 5, "kernel_size": 4, "stride": [3, 2], "padding": 1, "bias": bias}))
    (facts,) = summarise(net).layers
    (formula,) = [one for one in facts.formulas if one.quantity.en == "Multiply-adds"]
    height, width = facts.output[1:]
    assert facts.macs == by_torch(net) + bias * 5 * height * width == formula.result
    written = f"(245 - 5)*9*7 + 5*{height}*{width}" if bias else "240*9*7"
    assert formula.numeric == written


def test_batch_normalisation_shows_what_the_help_says():
    net = make_net("", (3, 8, 8), ("Conv2d", {"out_channels": 24}), "BatchNorm2d")
    assert summarise(net).layers[1].macs == 48
