"""Validation of the messages of `point_picker`: accepted points and steps, ignored junk."""

import pytest

from vpc2.ui.components.point_picker import read_event


def test_places_and_steps_are_read():
    assert read_event({"kind": "place", "value": [0.25, 1]}) == ("place", (0.25, 1.0))
    assert read_event({"kind": "step", "value": [-1, 0]}) == ("step", (-1.0, 0.0))


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "place",
        {},
        {"kind": "place"},
        {"kind": ["place"], "value": [0, 0]},
        {"kind": "place", "value": [0, 0, 0]},
        {"kind": "place", "value": [-0.1, 0]},
        {"kind": "place", "value": [float("nan"), 0]},
        {"kind": "place", "value": [10**400, 0]},
        {"kind": "step", "value": [2, 0]},
        {"kind": "step", "value": [True, 0]},
        {"kind": "step", "value": ["1", 0]},
        {"kind": "jump", "value": [0, 0]},
    ],
)
def test_anything_else_is_dropped(payload):
    assert read_event(payload) is None
