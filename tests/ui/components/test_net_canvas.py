"""Validation of the messages of `net_canvas`, and the edits that the Build page makes of them."""

import random
from pathlib import Path

import pytest

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.positions import input_channels, neighbour_place
from vpc2.nets.spec import Place, edit_add, edit_move, make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.ui.components import net_canvas
from vpc2.ui.components.net_canvas import DIRECTIONS, KINDS, Event, read_event

NET = make_net(
    "n",
    (3, 16, 16),
    ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1}),  # l1
    ("Parallel", {}, [["ReLU", "Dropout"], []]),  # l2 holds l3, l4 and an empty branch
    "Flatten",  # l5
    ("Linear", {"out_features": 10}),  # l6
)


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        ({"kind": "select", "id": "l3"}, Event("select", "l3")),
        ({"kind": "select", "id": "l2/1"}, Event("select", "l2", 1)),
        ({"kind": "add", "layer": "ReLU"}, Event("add", layer_kind="ReLU")),
        ({"kind": "add", "layer": "ReLU", "place": {"at": 4}}, Event("add", layer_kind="ReLU", place=Place(4))),
        ({"kind": "move", "id": "l1", "place": {"at": 0, "inside": "l2", "branch": 1}}, Event("move", "l1", place=Place(0, "l2", 1))),
        ({"kind": "shift", "id": "l1", "direction": "down"}, Event("shift", "l1", direction="down")),
        ({"kind": "branches", "id": "l2", "by": -1}, Event("branches", "l2", by=-1)),
        ({"kind": "paste", "id": "nobody"}, Event("paste")),
        ({"kind": "remove", "id": "l6", "n": "a-1"}, Event("remove", "l6")),
    ],
)
def test_what_fits_the_net_is_read(payload, event):
    assert read_event(payload, NET) == event


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "remove",
        [],
        {},
        {"kind": None},
        {"kind": ["remove"], "id": "l1"},
        {"kind": "remove"},
        {"kind": "remove", "id": "l9"},
        {"kind": "remove", "id": ["l1"]},
        {"kind": "remove", "id": "l2/1"},  # an empty branch is no layer
        {"kind": "select", "id": "l2/0"},  # this branch is not empty
        {"kind": "select", "id": "l2/2"},
        {"kind": "select", "id": "l2/-1"},
        {"kind": "select", "id": "l2/" + "9" * 9000},
        {"kind": "add", "layer": "os.system"},
        {"kind": "add", "layer": {"ReLU": 1}},
        {"kind": "add", "layer": "ReLU", "place": {"at": 5}},
        {"kind": "add", "layer": "ReLU", "place": {"at": True}},
        {"kind": "add", "layer": "ReLU", "place": {"at": 0.0}},
        {"kind": "add", "layer": "ReLU", "place": [0, "", 0]},
        {"kind": "move", "id": "l1"},
        {"kind": "move", "id": "l1", "place": {"at": -1}},
        {"kind": "move", "id": "l1", "place": {"at": 0, "branch": 1}},
        {"kind": "move", "id": "l1", "place": {"at": 0, "inside": "l2", "branch": 2}},
        {"kind": "move", "id": "l1", "place": {"at": 0, "inside": "l1"}},  # no block
        {"kind": "move", "id": "l1", "place": {"at": 0, "inside": None}},
        {"kind": "move", "id": "l1", "place": {"at": 10**400}},
        {"kind": "shift", "id": "l1", "direction": "away"},
        {"kind": "shift", "id": "l1", "direction": {}},
        {"kind": "branches", "id": "l2", "by": 1000},
        {"kind": "branches", "id": "l2", "by": True},
        {"kind": "eval", "id": "l1"},
    ],
    ids=lambda payload: repr(payload)[:60],
)
def test_what_does_not_fit_is_nothing(payload):
    assert read_event(payload, NET) is None


def test_no_junk_raises_and_what_is_read_can_be_done():
    """Random, nearly valid messages: every accepted event names existing layers, kinds and places."""
    rng = random.Random(4)
    ids = ["l1", "l2", "l3", "l2/1", "l2/0", "", "l99", None, 3, {"id": "l1"}]
    numbers = [0, 1, 2, 4, 5, -1, 10**30, 1.5, True, None, "1", float("nan")]
    read = 0
    for _ in range(4000):
        payload = {
            "kind": rng.choice([*KINDS, "", None, 5]),
            "id": rng.choice(ids),
            "layer": rng.choice(["ReLU", "Parallel", "Nothing", None, 0]),
            "direction": rng.choice([*DIRECTIONS, "", None]),
            "by": rng.choice(numbers),
            "place": rng.choice([None, [], {"at": rng.choice(numbers), "inside": rng.choice(ids), "branch": rng.choice(numbers)}]),
        }
        event = read_event(payload, NET)
        if event is None:
            continue
        read += 1
        assert event.id == "" or NET.has(event.id)
        assert event.layer_kind == "" or event.layer_kind in LAYERS
        if event.place is not None:
            assert 0 <= event.place.at <= len(NET.siblings(event.place))
    assert read > 300


def test_the_messages_of_the_view_are_those_that_are_read():
    """The kinds and directions that the JavaScript sends are those of `KINDS` and `DIRECTIONS`."""
    script = "".join(file.read_text() for file in Path(net_canvas.__file__).parent.glob("*.js"))
    for kind in set(KINDS) - {"select"}:
        assert f"sendEdit(s, '{kind}'" in script or f"sendWithPreview(s, '{kind}'" in script, kind
    for direction in DIRECTIONS:
        assert f"'{direction}'" in script


@pytest.mark.parametrize(
    ("layer_id", "direction", "place"),
    [
        ("l1", "left", None),
        ("l1", "right", Place(2)),
        ("l1", "down", Place(0, "l2")),
        ("l1", "up", None),
        ("l5", "down", None),
        ("l3", "right", Place(2, "l2")),
        ("l4", "right", None),
        ("l3", "down", Place(0, "l2", 1)),
        ("l4", "up", Place(2)),
    ],
)
def test_arrow_steps_lead_to_the_neighbouring_place(layer_id, direction, place):
    assert neighbour_place(NET, layer_id, direction) == place


def test_steps_lead_into_a_block_through_its_branches_and_out():
    net, seen = NET, []
    for direction in ("down", "down", "up", "up"):
        net = edit_move(net, "l1", neighbour_place(net, "l1", direction))
        seen.append((net.place_of("l1").inside, net.place_of("l1").branch))
    assert seen == [("l2", 0), ("l2", 1), ("l2", 0), ("", 0)]


@pytest.mark.parametrize("kind", [key for key, entry in LAYERS.items() if entry.block])
@pytest.mark.parametrize("place", [Place(0), Place(1), Place(1, "l2"), Place(0, "l2", 1)])
def test_a_new_block_fits_where_it_is_put(kind, place):
    """The new layer is created for the number of channels at its place, so that it fits at once."""
    channels = input_channels(NET, summarise(NET), place)
    assert channels == (3 if place == Place(0) else 8)
    grown = summarise(edit_add(NET, kind, at=place, channels=channels))
    added = {facts.id for facts in grown.walk()} - {layer.id for layer in NET.walk()}
    assert added and all(grown.find(layer_id).output for layer_id in added)


def test_where_a_vector_arrives_a_new_block_is_empty():
    assert input_channels(NET, summarise(NET), Place(3)) == 0
    assert summarise(edit_add(NET, "Residual", at=Place(3), channels=0)).layers[3].output == (4096,)
