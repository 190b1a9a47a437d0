"""What a browser may send as a drawn label, and what is dropped."""

import pytest

from vpc2.ui.components.label_pad import read_event


def test_boxes_points_and_clearing_are_read():
    assert read_event({"kind": "box", "value": [0.1, 0.2, 0.5, 1]}) == ("box", (0.1, 0.2, 0.5, 1.0))
    assert read_event({"kind": "point", "value": [0, 1]}) == ("point", (0.0, 1.0))
    assert read_event({"kind": "clear", "value": None}) == ("clear", ())


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "box",
        {},
        {"kind": "box"},
        {"kind": ["box"], "value": [0, 0, 1, 1]},
        {"kind": "box", "value": [0, 0, 1]},
        {"kind": "box", "value": [0.5, 0, 0.5, 1]},
        {"kind": "box", "value": [0.9, 0, 0.1, 1]},
        {"kind": "box", "value": [0, 0, float("nan"), 1]},
        {"kind": "box", "value": [0, 0, 10**400, 1]},
        {"kind": "box", "value": [True, False, True, True]},
        {"kind": "point", "value": [-0.1, 0]},
        {"kind": "point", "value": ["0", "1"]},
        {"kind": "circle", "value": [0, 0]},
    ],
)
def test_anything_else_is_dropped(payload):
    assert read_event(payload) is None
