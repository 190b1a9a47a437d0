"""Validation of the messages of `label_editor` and their effect on the labels."""

import pytest

from vpc2.labels import MAX_LABELS, Label
from vpc2.ui.components.label_editor import edit_labels

BOX, POINT = Label("box", (0.1, 0.2, 0.5, 1.0), "cat"), Label("point", (0.0, 1.0))


def test_boxes_points_and_masks_are_added_with_their_names():
    labels = edit_labels((), {"kind": "box", "places": [0.1, 0.2, 0.5, 1], "name": "cat"})
    labels = edit_labels(labels, {"kind": "point", "places": [0, 1], "name": ""})
    assert labels == (BOX, POINT)
    (mask,) = edit_labels((), {"kind": "mask", "places": [0, 0, 1, 0, 1, 1], "name": "a\nb"})
    assert mask == Label("mask", (0.0, 0.0, 1.0, 0.0, 1.0, 1.0), "a b")


def test_one_is_renamed_or_removed_and_all_are_cleared():
    assert edit_labels((BOX, POINT), {"kind": "remove", "at": 0}) == (POINT,)
    assert edit_labels((BOX, POINT), {"kind": "rename", "at": 1, "name": "  an\u202e eye "}) == (BOX, Label("point", (0.0, 1.0), "an eye"))
    assert edit_labels((BOX, POINT), {"kind": "clear"}) == ()


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "box",
        {},
        {"kind": "box"},
        {"kind": "box", "places": [0.9, 0, 0.1, 1], "name": ""},
        {"kind": "point", "places": [0.5, 0.5]},
        {"kind": "point", "places": [0.5, 0.5], "name": {"a": 1}},
        {"kind": "circle", "places": [0, 0], "name": ""},
        {"kind": "remove"},
        {"kind": "remove", "at": 2},
        {"kind": "remove", "at": -1},
        {"kind": "remove", "at": True},
        {"kind": "remove", "at": "0"},
        {"kind": "rename", "at": 0},
        {"kind": "rename", "at": 0, "name": 3},
    ],
)
def test_anything_else_changes_nothing(payload):
    assert edit_labels((BOX, POINT), payload) == (BOX, POINT)


def test_labels_above_the_limit_are_not_added():
    labels = (POINT,) * MAX_LABELS
    assert edit_labels(labels, {"kind": "box", "places": [0.1, 0.2, 0.5, 1], "name": "cat"}) == labels
