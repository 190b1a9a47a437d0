"""The table of data sets, each set against what is known of it, and downloads that fail."""

import urllib.error
import zipfile

import numpy as np
import pytest

from vpc2.data import hands, public, shapes
from vpc2.data.datasets import DATASETS, TorchvisionSet, download_dataset, is_ready, load_dataset
from vpc2.text import Refusal

OWN = [key for key, entry in DATASETS.items() if not entry.needs_network]
FETCHED = [key for key, entry in DATASETS.items() if entry.needs_network]


def test_the_table_offers_what_is_promised():
    assert {"hands", "digits", "shapes", "fashion_mnist", "mnist", "cifar10"} <= set(DATASETS)


@pytest.mark.parametrize("key", DATASETS)
def test_every_entry_says_all_and_its_reader_is_there(key):
    entry = DATASETS[key]
    assert entry.title.say("es") and entry.help.en and entry.help.say("es") and entry.licence and callable(entry.resolve())
    assert len(set(entry.classes)) == len(entry.classes) >= 2 and (entry.home or not entry.needs_network)


@pytest.mark.parametrize("key", OWN)
@pytest.mark.parametrize("size_px", [None, 16])
def test_own_sets_keep_the_form(key, size_px):
    entry, data = DATASETS[key], load_dataset(key, size_px)
    side = size_px or entry.size_px
    assert data.images.shape == (len(data), side, side, 3) and data.images.dtype == np.uint8
    assert data.labels.dtype == np.int64 and data.classes == entry.classes and min(data.counts()) > 50
    assert (entry.channels == 3) != (np.ptp(data.images, axis=-1).max() == 0)


@pytest.mark.parametrize("key", FETCHED)
def test_a_set_that_is_not_here_is_refused(key, tmp_path, monkeypatch):
    monkeypatch.setenv("VPC2_DATA", str(tmp_path))
    assert not is_ready(key)
    with pytest.raises(Refusal, match="download"):
        load_dataset(key)


@pytest.mark.parametrize("key", FETCHED)
def test_without_network_a_download_is_refused_and_leaves_nothing(key, tmp_path, monkeypatch):
    def no_network(*_args, **_options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("VPC2_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(hands, "fetch", no_network)
    monkeypatch.setattr(public, "_open", no_network)
    with pytest.raises(Refusal):
        download_dataset(key)
    assert not list((tmp_path / "data").iterdir()) and not is_ready(key)


def test_digits_are_those_of_scikit_learn():
    expected = pytest.importorskip("sklearn.datasets").load_digits()
    data = load_dataset("digits")
    assert np.array_equal(np.round(data.images[..., 0] * (16 / 255)), expected.images)
    assert np.array_equal(data.labels, expected.target)


def test_shapes_have_a_mask_and_the_tightest_box_around_it():
    data = load_dataset("shapes")
    assert len(data) == 1000 and data.counts() == [200] * 5
    for mask, box in zip(data.masks, data.boxes, strict=True):
        x0, y0, x1, y1 = box.astype(int)
        assert mask[y0:y1, x0:x1].sum() == mask.sum() > 20
        assert mask[y0].any() and mask[y1 - 1].any() and mask[:, x0].any() and mask[:, x1 - 1].any()


def test_shapes_have_the_area_of_their_outline():
    """The mask's pixels against the shoelace formula, and a circle's against pi r squared."""
    corners = np.array(shapes.outline("circle", 10, 0.0))
    x, y = corners.T
    assert abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2 == pytest.approx(np.pi * 100, rel=0.01)
    fills = {name: [] for name in DATASETS["shapes"].classes}
    data = load_dataset("shapes")
    for label, mask, (x0, y0, x1, y1) in zip(data.labels, data.masks, data.boxes, strict=True):
        fills[data.classes[label]].append(mask.sum() / ((x1 - x0) * (y1 - y0)))
    means = {name: np.mean(found) for name, found in fills.items()}
    assert means["circle"] == pytest.approx(np.pi / 4, abs=0.03) and means["star"] < 0.5 < means["square"]


def test_shapes_are_the_same_every_time_and_stand_out():
    first = shapes.load("shapes", 32)
    shapes.load.cache_clear()
    again = shapes.load("shapes", 32)
    assert np.array_equal(first.images, again.images) and np.array_equal(first.masks, again.masks)
    inside = np.array([image[mask].mean(axis=0) for image, mask in zip(first.images, first.masks, strict=True)])
    outside = np.array([np.median(image[~mask], axis=0) for image, mask in zip(first.images, first.masks, strict=True)])
    assert np.abs(inside - outside).sum(axis=1).min() > 60


def test_hands_are_grouped_by_person(hands_folder):
    data = load_dataset("hands", 16)
    assert len(data) == sum(1 for _ in (hands_folder / "Dataset").glob("*/*.JPG")) and min(data.counts()) > 150
    sizes = np.bincount(data.groups)
    assert np.mean(sizes == 10) > 0.8 and sizes.max() <= 40 and sizes.min() >= 8
    complete = [np.unique(data.labels[data.groups == person]).size for person in range(len(sizes))]
    assert np.mean(np.array(complete) == 10) > 0.95


def test_people_begin_where_the_digits_begin_again():
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 50, 51]
    labels = [*range(10), *range(10), 4, 5]
    assert hands.people(numbers, labels).tolist() == [0] * 10 + [1] * 10 + [2] * 2


def test_a_fragment_keeps_its_neighbours_together():
    labels = [*range(10), 0, 2, *range(1, 10)]
    assert set(hands.people(list(range(21)), labels).tolist()) == {0}


def packed(folder, target, leave_out=""):
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted((folder / "Dataset").glob("*/*.JPG")):
            if path.name != leave_out:
                archive.write(path, f"Sign-Language-Digits-Dataset-master/Dataset/{path.parent.name}/{path.name}")
        archive.writestr("Sign-Language-Digits-Dataset-master/../../evil.txt", "evil")


def test_a_download_of_hands_is_complete_or_leaves_nothing(hands_folder, tmp_path, monkeypatch):
    heard, leave_out = [], ["IMG_1118.JPG"]
    monkeypatch.setenv("VPC2_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(hands, "fetch", lambda _url, path, _report, _most: packed(hands_folder, path, leave_out[0]))
    with pytest.raises(Refusal, match="nothing of it was kept"):
        download_dataset("hands")
    assert not list((tmp_path / "data").iterdir())
    leave_out[0] = ""
    download_dataset("hands", lambda share, _said: heard.append(share))
    assert is_ready("hands") and heard[-1] == 1.0 and heard == sorted(heard)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["sign-language-digits"] and not list(tmp_path.rglob("evil.txt"))


def test_a_file_larger_than_expected_is_not_taken(tmp_path):
    (tmp_path / "large").write_bytes(bytes(10_000))
    with pytest.raises(ValueError, match="larger"):
        hands.fetch((tmp_path / "large").as_uri(), tmp_path / "copy", lambda _share: None, 5_000)


@pytest.mark.parametrize("key", [key for key, entry in DATASETS.items() if isinstance(entry, TorchvisionSet)])
def test_a_download_tells_how_far_it_is(key, monkeypatch, tmp_path):
    """A slow download that writes an archive piece by piece is heard to advance, and ends whole."""
    import time

    monkeypatch.setenv("VPC2_DATA", str(tmp_path))
    monkeypatch.setattr(public, "_LOOK_S", 0.02)

    def slow(key, root, *, download):
        made = root / DATASETS[key].folder
        made.mkdir()
        with (made / "part.gz").open("wb") as file:
            for _ in range(10):
                file.write(bytes(int(DATASETS[key].archives_mb * 1e5)))
                file.flush()
                time.sleep(0.05)

    monkeypatch.setattr(public, "_open", slow)
    heard = []
    public.download(key, lambda share, said: heard.append(share))
    assert heard == sorted(heard) and heard[-1] == 1.0 and len({share for share in heard if 0.05 < share < 0.96}) >= 3
    assert public.is_ready(key) and [path.name for path in tmp_path.iterdir()] == [DATASETS[key].folder]
