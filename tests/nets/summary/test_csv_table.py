"""The table of a net for a spreadsheet: every layer with torch's own shape and number of parameters, height x width x channels."""

import csv
import io

import torch

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
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
