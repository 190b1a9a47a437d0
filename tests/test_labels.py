"""Labels at the door: what is one, what is not, and what a session keeps of one."""

import pytest

from vpc2.labels import MAX_CORNERS, Label, from_docs, read_label

GOOD = [("box", [0.1, 0.2, 0.5, 1]), ("point", [0, 1]), ("mask", [0, 0, 1, 0, 1, 1])]


@pytest.mark.parametrize(("kind", "places"), GOOD)
def test_a_label_is_read_and_kept(kind, places):
    label = read_label(kind, places, " a\u202e\nb ")
    assert label == Label(kind, tuple(map(float, places)), "a b")
    assert from_docs([label.to_doc()]) == (label,)


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("circle", [0, 0]),
        (["box"], [0, 0, 1, 1]),
        ("box", None),
        ("box", [0, 0, 1]),
        ("box", [0.5, 0, 0.5, 1]),
        ("box", [0.9, 0, 0.1, 1]),
        ("box", [0, 0, float("nan"), 1]),
        ("box", [0, 0, 10**400, 1]),
        ("box", [True, False, True, True]),
        ("point", [-0.1, 0]),
        ("point", ["0", "1"]),
        ("mask", [0, 0, 1, 1]),
        ("mask", [0, 0, 1, 0, 1]),
        ("mask", [0, 0, 0.5, 0.5, 1, 1]),
        ("mask", [0.1, 0.2] * (MAX_CORNERS + 1)),
    ],
)
def test_malformed_labels_are_read_as_none(kind, places):
    assert read_label(kind, places) is None


def test_a_name_is_text():
    assert read_label("point", [0, 0], 3) is None and len(read_label("point", [0, 0], "x" * 500).name) <= 40
