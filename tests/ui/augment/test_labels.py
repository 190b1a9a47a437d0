"""Labels of a photograph in and out of files, and where a draw takes them: counted, for none, one and more than there is room for."""

import json
import re

import numpy as np
import pytest

from tests.ui.pages import checked, open_page, slot, tray, words
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.labels import MAX_LABELS

GREY = np.full((120, 160, 3), 120, np.uint8)
AWAY = edit_add(Pipeline(), "RandomTranslate", {"translate_x": [1.0, 1.0], "translate_y": [0.0, 0.0], "p": 1.0})
BOX = {"kind": "box", "places": [0.4, 0.4, 0.6, 0.6], "name": "c"}


def opened(labels, pipeline=AWAY, lang="en"):
    session = tray(GREY)
    session["labels"] = {session["tray__chosen"][0]: labels}
    tab = {"en": "Labels", "es": "Etiquetas"}[lang]
    return open_page("augment", lang, augment__tabs=tab, slot__pipeline=slot(pipeline), **session)


def captions(at):
    """Return what stands under each of the six draws."""
    return [one.value for one in at.caption if re.fullmatch(r"\d+ .*|all labels .*|están todas .*", one.value)]


@pytest.mark.parametrize("lang", ["en", "es"])
def test_each_draw_tells_how_many_labels_left_it_and_nothing_where_none_is_marked(lang):
    far = captions(opened([BOX, BOX], lang=lang))
    assert len(far) == 6 and {one.split()[0] for one in far} == {"2"}
    still = captions(opened([BOX], Pipeline(), lang))
    assert len(still) == 6 and len(set(still)) == 1 and not still[0][0].isdigit()
    assert captions(opened([], lang=lang)) == []


def uploaded(at, name, data):
    next(one for one in at.file_uploader if one.key.startswith("labels/file/")).upload(name, data, "text/plain").run()
    [labels] = checked(at).session_state["labels"].values()
    return labels


def test_a_line_of_yolo_is_a_box_around_its_middle():
    [old, new] = uploaded(opened([BOX]), "one.txt", b"3 0.5 0.25 0.2 0.1\n")
    assert old == BOX and new["name"] == "3" and new["places"] == pytest.approx([0.4, 0.2, 0.6, 0.3])


def test_pixels_of_coco_become_shares_of_the_photograph(media):
    document = {
        "images": [{"id": 1, "file_name": "photo 0.jpg", "width": 160, "height": 120}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [16, 12, 32, 60]}],
        "categories": [{"id": 7, "name": "cup"}],
    }
    at = opened([])
    [label] = uploaded(at, "one.json", json.dumps(document).encode())
    assert label["name"] == "cup" and label["places"] == pytest.approx([0.1, 0.1, 0.3, 0.6])
    at.run()
    written = json.loads(media.written["photo 0.json"]())
    assert written["annotations"][0]["bbox"] == pytest.approx([16, 12, 32, 60])
    assert media.written["photo 0.txt"]().split() == ["0", "0.200000", "0.350000", "0.200000", "0.500000"]


def test_imported_labels_above_the_limit_are_counted():
    at = opened([BOX] * (MAX_LABELS - 20))
    labels = uploaded(at, "many.txt", b"0 0.5 0.5 0.2 0.2\n" * 23)
    assert len(labels) == MAX_LABELS
    numbers = re.findall(r"\d+", words(at, "info"))
    assert {"20", "3", str(MAX_LABELS)} <= set(numbers)


def test_junk_is_refused_and_leaves_what_was_there():
    at = opened([BOX])
    assert uploaded(at, "junk.txt", b"0 nothing 1 2 3\n") == [BOX] and len(at.error) == 1


def test_a_draw_moves_a_large_photograph_by_as_many_of_its_own_pixels_as_the_step_says(media):
    """A crop with a border of 64 px shifts a photograph of 960 px by at most 64 of these, however small it is shown."""
    wide = np.zeros((720, 960, 3), np.uint8)
    wide[320:400, 440:520] = 255
    pipeline = edit_add(Pipeline(seed=2), "RandomCrop", {"padding": 64, "p": 1.0})
    at = open_page("augment", augment__tabs="Labels", slot__pipeline=slot(pipeline), **tray(wide))
    shown = [one.mean(-1) for alt, one in media.pictures(at) if "with its labels" in alt]
    shifts = []
    for one in shown:
        rows, columns = (float(np.average(grid, weights=one)) for grid in np.mgrid[: one.shape[0], : one.shape[1]])
        shifts += [(rows + 0.5) * 720 / one.shape[0] - 360, (columns + 0.5) * 960 / one.shape[1] - 480]
    assert len(shown) == 6 and 30 < max(map(abs, shifts)) < 64 + 4, shifts
