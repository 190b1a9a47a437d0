"""A set in the making: what is typed and dropped is there again, and becomes a data set that trains."""

import io

import numpy as np
import pytest
from PIL import Image

from vpc2.data.datasets import load_dataset
from vpc2.data.draft import MAX_CLASSES, MIN_PICTURES, DraftStore
from vpc2.text import Refusal


@pytest.fixture
def drafts(tmp_path, monkeypatch):
    monkeypatch.setenv("VPC2_HOME", str(tmp_path))
    return DraftStore("me")


def picture(seed, side=40) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def files(*seeds):
    return [(f"{seed}.png", picture(seed)) for seed in seeds]


def test_what_is_made_is_there_again(drafts):
    drafts.add_class("cat")
    drafts.add_class("<b>dog</b>")
    assert drafts.add_pictures("cat", files(1, 2, 3)) == []
    again = DraftStore("me").load()
    assert [(group.name, len(group.pictures)) for group in again.groups] == [("cat", 3), (again.groups[1].name, 0)]
    assert DraftStore("somebody").load().groups == ()
    shown = np.asarray(Image.open(io.BytesIO(drafts.picture(again.groups[0].pictures[0]))))
    assert shown.shape == (128, 128, 3)


def test_doubles_damage_and_bad_names_are_a_sentence_each(drafts):
    drafts.add_class("cat")
    said = drafts.add_pictures("cat", [*files(1, 1), ("x.png", b"no picture"), ("y.png", b"")])
    assert len(said) == 3 and "already" in said[-1].en
    for name in ("", "  ", "CAT"):
        with pytest.raises(Refusal):
            drafts.add_class(name)
    for i in range(MAX_CLASSES - 1):
        drafts.add_class(f"class {i}")
    with pytest.raises(Refusal, match="At most"):
        drafts.add_class("one more")


def test_a_draft_says_what_is_missing_until_it_can_be_used(drafts):
    assert "two classes" in drafts.problem(drafts.load()).en
    for label, name in enumerate(("cat", "dog", "empty")):
        drafts.add_class(name)
        drafts.add_pictures(name, files(*(range(100 * label, 100 * label + MIN_PICTURES + 1) if name != "empty" else ())))
    assert "“empty”" in drafts.problem(drafts.load()).en
    with pytest.raises(Refusal):
        drafts.finish("", "me")
    drafts.switch_class("empty", False)
    drafts.rename_class("dog", "Hund")
    first = drafts.load().find("cat").pictures[0]
    drafts.remove_picture("cat", first)
    assert not (drafts.folder / f"{first}.png").exists()
    entry = drafts.finish("", "me")
    assert entry.classes == ("cat", "Hund")
    data = load_dataset(entry.key, 32)
    assert data.counts() == [MIN_PICTURES, MIN_PICTURES + 1] and data.images.shape[1:] == (32, 32, 3)
    drafts.remove_class("cat")
    assert [group.name for group in drafts.load().groups] == ["Hund", "empty"]
    drafts.clear()
    assert drafts.load().groups == ()


def test_a_set_may_be_used_from_the_number_of_pictures_on_that_can_be_split(drafts):
    from vpc2.data.imageset import ImageSet, split_images

    for name in ("cat", "dog"):
        drafts.add_class(name)
    for count in range(1, 8):
        for i, name in enumerate(("cat", "dog")):
            drafts.add_pictures(name, files(100 * i + count))
        images = np.arange(2 * count, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(3, 3)
        try:
            split_images(ImageSet(images, np.arange(2 * count) % 2, ("cat", "dog")), 0, 0.6)
            can_be_split = True
        except Refusal:
            can_be_split = False
        assert (drafts.problem(drafts.load()) is None) == can_be_split, count
