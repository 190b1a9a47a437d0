"""Presets compared with torchvision's own nets on the meta device, tensor by tensor and layer by layer."""

import pytest
import torch
import torchinfo
import torchvision
from torch import nn

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS, NetPreset
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.summary.trainable import check_trainable
from vpc2.text import Text

# Each preset that torchvision has, and torchvision's blocks that are blocks of ours.
BLOCKS = {"resnet": ("BasicBlock", "Bottleneck"), "googlenet": ("Inception",), "squeezenet": ("Fire",), "mobilenet": ("InvertedResidual",)}
THEIRS = {
    key: (
        entry.torchvision,
        {"aux_logits": False, "init_weights": False} if key == "googlenet" else {},
        next((blocks for stem, blocks in BLOCKS.items() if key.startswith(stem)), ()),
    )
    for key, entry in NETS.items()
    if entry.torchvision
}
_COUNTED = (nn.Conv2d, nn.BatchNorm2d, nn.Linear, nn.MaxPool2d)


def theirs(key: str) -> nn.Module:
    name, given, _blocks = THEIRS[key]
    with torch.device("meta"):
        return getattr(torchvision.models, name)(**given).eval()


def passed(module: nn.Module, shape, wanted) -> list[tuple[tuple[int, ...], int]]:
    """Return (output shape, parameters) of every module that `wanted` selects, in the order of execution."""
    seen = []

    def look(one, _inputs, output):
        seen.append((tuple(output.shape[1:]), sum(p.numel() for p in one.parameters())))

    for one in module.modules():
        if wanted(one):
            one.register_forward_hook(look)
    module(torch.zeros(1, *shape, device="meta"))
    return seen


@pytest.mark.parametrize("key", list(THEIRS))
def test_parameters_and_tensors_are_torchvisions(key):
    module = theirs(key)
    assert summarise(NETS[key].net).params == sum(p.numel() for p in module.parameters())
    ours = build_net(NETS[key].net, device="meta").state_dict()
    assert [tuple(one.shape) for one in ours.values()] == [tuple(one.shape) for one in module.state_dict().values()]


@pytest.mark.parametrize("key", list(THEIRS))
def test_every_layer_and_block_gives_torchvisions_shapes(key):
    net, blocks = NETS[key].net, THEIRS[key][2]
    facts = list(summarise(net).walk())
    plain = [(one.output, one.params) for one in facts if LAYERS[one.kind].target.rpartition(".")[2] in {k.__name__ for k in _COUNTED}]
    assert plain == passed(theirs(key), net.input, lambda one: isinstance(one, _COUNTED))
    if blocks:
        is_block = lambda one: type(one).__name__ in blocks and getattr(one, "use_res_connect", True)  # noqa: E731
        # A fire module squeezes before it branches; the parameters of its two branches are compared above.
        has_params = "Fire" not in blocks
        joined = [(one.output, one.params * has_params) for one in facts if LAYERS[one.kind].block is not None]
        assert joined == [(shape, params * has_params) for shape, params in passed(theirs(key), net.input, is_block)]


@pytest.mark.parametrize("key", list(THEIRS))
def test_multiply_adds_are_what_torchinfo_counts_of_torchvisions_net(key):
    net = NETS[key].net
    counted = torchinfo.summary(theirs(key), input_size=(1, *net.input), device="meta", verbose=0)
    assert summarise(net).macs == counted.total_mult_adds


@pytest.mark.parametrize(("key", "side"), [("net28", 28), ("small", 32), ("plain32", 32), ("residual32", 32), ("net64", 64)])
def test_small_nets_can_be_trained_here(key, side):
    assert NETS[key].net.input[1:] == (side, side)
    assert check_trainable(NETS[key].net, 10) is None


def test_pairs_differ_in_what_they_show_and_in_nothing_else():
    plain, residual = (list(summarise(NETS[key].net).walk()) for key in ("plain32", "residual32"))
    weights = [[one.params for one in facts if one.kind == "Conv2d" and not one.name.startswith("res")] for facts in (plain, residual)]
    assert weights[0] == weights[1] and len(weights[0]) == 13
    for one, several, field, counts in (("one_5x5", "two_3x3", 5, (25, 18)), ("one_7x7", "three_3x3", 7, (49, 27))):
        a, b = summarise(NETS[one].net), summarise(NETS[several].net)
        assert (a.params, b.params) == counts and a.output == b.output
        assert a.layers[-1].receptive_field == b.layers[-1].receptive_field == field


def test_a_preset_is_made_when_it_is_first_used():
    preset = NetPreset(key="late", title=Text(""), help=Text(""), build=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _ = preset.net
    assert NETS["small"].net is NETS["small"].net
