"""Ids of layers: every id allowed in a file can be built, and every new id is allowed in a file."""

import pytest

from vpc2 import codec
from vpc2.nets.module import build_net
from vpc2.nets.spec import Net, Place, edit_add, edit_duplicate, edit_move, make_net

_BODY = {"version": 1, "kind": "net", "input": [3, 8, 8]}


def saved(*layers: dict) -> Net:
    return codec.from_document({**_BODY, "layers": list(layers)}, "net").spec


@pytest.mark.parametrize("layer_id", ["a", "l1", "conv1", "z99", "l01"])
def test_a_plain_id_names_its_module(layer_id):
    module = build_net(saved({"id": layer_id, "type": "Conv2d"}))
    assert list(module.state_dict()) == [f"{layer_id}.weight", f"{layer_id}.bias"]


@pytest.mark.parametrize("layer_id", ["forward", "training", "train", "eval", "half", "type", "append", "to"])
def test_an_id_may_be_a_word_that_torch_uses_itself(layer_id):
    build_net(saved({"id": layer_id, "type": "ReLU"}))


def test_free_ids_travel():
    net = saved({"id": "l7", "type": "ReLU"}, {"id": "x", "type": "ReLU"})
    for grown in (edit_add(net, "ReLU"), edit_duplicate(net, "l7")):
        assert codec.from_token(codec.to_token(grown)).spec == grown


def test_a_free_id_travels_even_after_the_largest_number():
    net = saved({"id": "a99999999999", "type": "ReLU"})
    grown = edit_add(net, "ReLU")
    assert codec.from_token(codec.to_token(grown)).spec == grown


def test_a_file_may_name_only_some_of_its_layers():
    assert len(saved({"type": "ReLU"}, {"id": "l1", "type": "ReLU"}).layers) == 2


def test_a_layer_moves_to_where_a_mark_between_two_layers_stands():
    """A place counts before the layer leaves its own: that of a mark put into a plain list, the layer taken out after."""
    net = make_net("n", (3, 8, 8), "ReLU", ("Residual", {}, [["ReLU", "Tanh", "ReLU"]]), "Tanh", "Sigmoid")
    outer, block = [layer.id for layer in net.layers], net.layers[1]
    inner = [layer.id for layer in block.branches[0]]
    for ids, inside in ((outer, ""), (inner, block.id)):
        for moved in ids:
            for at in range(len(ids) + 1):
                wanted = [*ids[:at], "mark", *ids[at:]]
                wanted.remove(moved)
                wanted[wanted.index("mark")] = moved
                place = Place(at, inside)
                if moved != block.id:
                    assert [layer.id for layer in edit_move(net, moved, place).siblings(place)] == wanted
    out = edit_move(net, inner[1], Place(1))
    assert [layer.id for layer in out.layers] == [outer[0], inner[1], *outer[1:]]
    assert [layer.id for layer in out.find(block.id).branches[0]] == [inner[0], inner[2]]
