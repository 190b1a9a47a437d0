"""A net's numbers by arithmetic beside torchinfo, which runs the net: the same table, in turns, in one process.

    python tests/benchmarks/arithmetic.py [--turns N]

*Ours* is every layer's shape, parameters, multiply-adds, memory, receptive field and written formulas, from the net as data.
*torchinfo* gets the built module for nothing (building is not timed) and counts shapes, parameters and multiply-adds.
Both must agree in parameters, multiply-adds and every layer's output shape; the process ends with an error where they do
not. Prints medians and their ratio; the aim is VGG-19 within 1 ms and at least 300 times quicker.
Needs `pip install -r tests/requirements.txt`.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch  # noqa: E402
from torchinfo import summary as run_through  # noqa: E402

from vpc2.nets import module as building  # noqa: E402
from vpc2.nets.layers.catalog import LAYERS  # noqa: E402
from vpc2.nets.module import build_net  # noqa: E402
from vpc2.nets.presets import NETS  # noqa: E402
from vpc2.nets.spec import make_net  # noqa: E402
from vpc2.nets.summary.summarise import copies_of, summarise  # noqa: E402

PER_TURN = 20  # ours is measured so often a turn: it is over in less than a clock can tell well
AIM_MS, AIM_RATIO = 1.0, 300


def conv(out, kernel=3, **params):
    return "Conv2d", {"out_channels": out, "kernel_size": kernel, "padding": kernel // 2, "bias": False, **params}


def block(out, stride=1):
    """Return a block of ResNet-18 (He and others, 2015)."""
    return "Residual", {}, [[conv(out, stride=stride), "BatchNorm2d", "ReLU", conv(out), "BatchNorm2d"]]


def resnet18():
    stem = [conv(64, 7, stride=2), "BatchNorm2d", "ReLU", ("MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1})]
    stages = [block(out, stride) for out, first in ((64, 1), (128, 2), (256, 2), (512, 2)) for stride in (first, 1)]
    return make_net("ResNet-18", (3, 224, 224), *stem, *stages, "GlobalAvgPool", ("Linear", {"out_features": 1000}))


def deep():
    return make_net("10,000 layers", (3, 8, 8), conv(4), ("Repeat", {"times": 5000}, [[conv(4), "ReLU"]]), "GlobalAvgPool")


def leaves(layers):
    """Return the output shapes of the plain layers as they run, every copy of a repeated block counted."""
    for facts in layers:
        block = LAYERS[facts.kind].block
        if block is None:
            yield facts.output
        elif block.is_chain:
            for copy, count in copies_of(facts):
                yield from list(leaves(copy)) * count
        else:
            for branch in facts.built_branches:
                yield from leaves(branch)
            for _name in block.extras(facts.layer.params):  # the activation after adding: torchinfo sees a module of its own
                yield facts.output


def ours(net):
    summary = summarise(net)
    return summary, [facts.formulas for facts in summary.walk()]


def theirs(net, module):
    return run_through(module, input_size=(1, *net.input), verbose=0, depth=100)


def check_equal(net, module):
    """Fail unless both count the same parameters, multiply-adds and output shape of every layer."""
    (summary, _formulas), told = ours(net), theirs(net, module)
    assert told.total_params == summary.params, (net.name, told.total_params, summary.params)
    assert told.total_mult_adds == summary.macs, (net.name, told.total_mult_adds, summary.macs)
    # An empty branch is an Identity in torch, and no layer of ours.
    shapes = [tuple(one.output_size[1:]) for one in told.summary_list if one.is_leaf_layer and one.class_name != "Identity"]
    assert shapes == list(leaves(summary.layers)), net.name
    return len(shapes)


def timed(work, *given, times=1) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work(*given)
    return 1000 * (time.perf_counter() - began) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    print(f"torchinfo on {torch.get_num_threads()} threads; medians of {turns} turns in ms (of 1 for the 10,000 layers)")
    print(f"{'net':16}{'layers':>8}{'ours':>10}{'torchinfo':>12}{'times quicker':>16}")
    missed = []
    for net in (NETS["vgg19"].net, resnet18(), deep()):
        is_deep = summarise(net).count > building.LIMITS.built_layers
        with mock.patch.object(building, "LIMITS", replace(building.LIMITS, built_layers=10**5)):  # visitors may not build so many
            module = build_net(net).eval()
        layers = check_equal(net, module)  # warms both up
        series = ([], [])
        for _turn in range(1 if is_deep else turns):
            series[0].append(timed(ours, net, times=PER_TURN))
            series[1].append(timed(theirs, net, module))
        a, b = map(statistics.median, series)
        print(f"{net.name:16}{layers:8,}{a:10.3f}{b:12.0f}{b / a:16,.0f}", flush=True)
        if net.name == "VGG-19" and (a > AIM_MS or b / a < AIM_RATIO):
            missed.append(f"{net.name}: {a:.3f} ms, {b / a:.0f} times quicker")
    print("equal in parameters, multiply-adds and every layer's output shape")
    if missed:
        sys.exit(f"missed the aim of {AIM_MS} ms and {AIM_RATIO} times: {missed}")


if __name__ == "__main__":
    main()
