"""The table of a net for a spreadsheet: every layer with torch's own shape and number of parameters, height x width x channels."""

import csv
import io

import torch

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.nets.summary.csv_table import to_csv
from vpc2.nets.summary.summarise import summarise


def test_the_rows_of_a_chain_are_torchs():
    for key in ("lenet5", "small"):
        net = NETS[key].net
        rows, images = list(csv.DictReader(io.StringIO(to_csv(summarise(net))))), torch.zeros(1, *net.input)
        for row, layer, module in zip(rows, net.layers, build_net(net).eval(), strict=False):
            images = module(images)
            shape = tuple(images.shape[1:])
            assert row["kind"] == layer.kind and int(row["parameters"]) == sum(one.numel() for one in module.parameters())
            assert row["output"] == " x ".join(map(str, (*shape[1:], shape[0]) if len(shape) == 3 else shape)), key


def test_the_branches_of_a_block_are_counted_from_one_in_torchs_order():
    """A branch's rows have the parameters of the module that torch holds at that place; a projection is called derived."""
    conv = lambda filters: ("Conv2d", {"out_channels": filters, "kernel_size": 3, "padding": 1})  # noqa: E731
    net = make_net("n", (3, 8, 8), ("Parallel", {}, [[conv(3), "ReLU"], [conv(5)], [conv(2)]]), ("Residual", {}, [[conv(6)]]))
    parallel, residual = build_net(net)
    wanted = {f"par1/branch{i}/": branch for i, branch in enumerate(parallel.branches, 1)}
    wanted |= {"res1/": residual.body, "res1/derived/": residual.shortcut}
    found = {}
    for row in csv.DictReader(io.StringIO(to_csv(summarise(net)))):
        if row["depth"] == "1":
            found.setdefault(row["path"].rpartition("/")[0] + "/", []).append(int(row["parameters"]))
    assert found == {path: [sum(one.numel() for one in module.parameters()) for module in branch] for path, branch in wanted.items()}
