"""Every repair that is offered leads to a layer that fits, by our arithmetic and in torch."""

import importlib
from collections import Counter

import pytest
import torch

from tests.nets.random_nets import Maker, any_net
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net, make_net
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.nets.summary.summarise import summarise

POOLING = ("MaxPool2d", "AvgPool2d")


def pressed(net: Net) -> Counter:
    """Apply every repair of a net, check the result, and count the repairs by kind of layer."""
    done: Counter[str] = Counter()
    for facts in summarise(net).walk():
        if facts.problem is None:
            continue
        assert facts.problem.repairs, facts.problem.text.en
        for repair in facts.problem.repairs:
            after = [one for one in summarise(repair.apply(net)).walk() if one.id == facts.id]
            for one in after:
                assert one.problem is None, (repair.title.en, one.problem.text.en)
                assert one.input is None or one.output is not None, repair.title.en
                check_by_torch(one)
            titles = [repair.title.say(language) for language in ("en", "es")]
            assert all(titles) and "{" not in "".join(titles)
            if not after:
                assert titles[0] == "Remove this layer"
            done[facts.kind] += 1
    return done


def check_by_torch(facts: LayerFacts) -> None:
    """Build a plain layer of torch and run its input through it on the meta device."""
    entry = LAYERS[facts.kind]
    if facts.output is None or entry.block is not None:
        return
    room, _, name = entry.target_for(facts.input).rpartition(".")
    with torch.device("meta"):
        module = getattr(importlib.import_module(room), name)(**entry.arguments(facts.layer.params, facts.input))
        assert tuple(module.eval()(torch.zeros(2, *facts.input)).shape[1:]) == facts.output


@pytest.mark.parametrize("start", range(0, 2400, 600))
def test_a_repair_of_a_random_net_leaves_a_layer_that_fits(start):
    done = sum((pressed(any_net(seed)) for seed in range(start, start + 600)), Counter())
    assert done.total() > 250 and len(done) > 10, done


@pytest.mark.parametrize("kind", POOLING)
def test_a_repair_of_a_pooling_leaves_a_pooling_that_fits(kind):
    done = Counter()
    for seed in range(400):
        maker = Maker(seed)
        shape = (3, maker.draw.randint(1, 9), maker.draw.randint(1, 9))
        params = {"kernel_size": maker.side(1, 9), "stride": maker.side(1, 4), "padding": maker.side(0, 5), "ceil_mode": seed % 2 == 0}
        done += pressed(make_net("", shape, (kind, params)))
    assert done[kind] > 300


def test_a_repair_that_needs_two_changes_says_both():
    net = make_net("", (3, 5, 6), ("MaxPool2d", {"kernel_size": 6, "stride": 1, "padding": [0, 3]}))
    titles = {repair.title.en: repair for repair in summarise(net).problem.repairs}
    assert "Set the kernel to 5, and set the padding to 2" in titles
    assert summarise(titles["Set the kernel to 5, and set the padding to 2"].apply(net)).layers[0].layer.params["padding"] == 2


def test_a_flatten_that_is_not_enough_also_sets_what_is_expected():
    net = make_net("", (3, 8, 8), ("Linear", {"out_features": 4, "expects": 100}))
    first = summarise(net).problem.repairs[0]
    assert first.title.en == "Insert Flatten, and set what it expects to 192"
    assert first.title.say("es") == "Insertar Flatten, y poner lo que espera en 192"
    assert summarise(first.apply(net)).output == (4,)


def test_keeping_a_side_is_said_only_where_both_are_kept():
    both = make_net("", (3, 5, 5), ("Conv2d", {"kernel_size": 7}))
    one = make_net("", (3, 5, 40), ("Conv2d", {"kernel_size": [7, 3]}))
    assert any("keeps 5" in repair.title.en for repair in summarise(both).problem.repairs)
    assert not any("keeps" in repair.title.en for repair in summarise(one).problem.repairs)


def test_a_repair_inside_a_repetition_fits_every_copy():
    net = make_net("", (3, 9, 9), ("Repeat", {"times": 6}, [["MaxPool2d"]]))
    for repair in summarise(net).problem.repairs:
        assert summarise(repair.apply(net)).problem is None or repair.title.en == "Remove this layer"
