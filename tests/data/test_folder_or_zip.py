"""A visitor's own pictures, in folders and in archives that mean harm."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from vpc2.data.folder_or_zip import load_archive, load_folder
from vpc2.text import Refusal


def picture(seed=0, side=16) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


GOOD = [(f"{name}/{i}.png", picture(10 * c + i)) for c, name in enumerate(("cat", "dog")) for i in range(6)]


def pack(items, method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in items:
            archive.writestr(name, data)
    return out.getvalue()


def test_a_good_archive_comes_back_picture_for_picture():
    data = load_archive(pack(GOOD), 16)
    assert data.classes == ("cat", "dog") and data.counts() == [6, 6] and data.notes == data.skipped == ()
    assert (data.images[0] == np.asarray(Image.open(io.BytesIO(GOOD[0][1])))).all()


@pytest.mark.parametrize("prefix", ["Dataset/", "a/b/"])
def test_folders_around_all_classes_do_not_count(prefix):
    data = load_archive(pack([(prefix + name, found) for name, found in GOOD]), 8)
    assert data.classes == ("cat", "dog") and data.images.shape == (12, 8, 8, 3)


def test_folders_of_a_split_are_put_together_and_said():
    data = load_archive(pack([(f"{part}/{name}", found) for part in ("train", "val") for name, found in GOOD]), 8)
    assert data.classes == ("cat", "dog") and data.counts() == [12, 12] and "train" in data.notes[0].en


def test_a_folder_gives_what_its_archive_gives(tmp_path):
    for name, data in [*GOOD, ("cat/.DS_Store", b"x"), ("dog/broken.jpg", b"no"), ("labels.csv", b"a,b")]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "bird").mkdir()
    (tmp_path / "cat" / "link.png").symlink_to("/etc/passwd")
    found, expected = load_folder(tmp_path, 8), load_archive(pack(GOOD), 8)
    assert np.array_equal(found.images, expected.images) and np.array_equal(found.labels, expected.labels)
    assert {name for name, _ in found.skipped} == {"dog/broken.jpg", "labels.csv", "cat/link.png"}
    assert any("bird" in note.en for note in found.notes)


CLIMBERS = ["../../evil.png", "/abs/evil.png", "..\\..\\evil.png", "C:\\evil.png", "a/../../b/evil.png"]


@pytest.mark.parametrize("name", CLIMBERS)
def test_a_path_that_climbs_out_is_skipped_and_nothing_is_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = load_archive(pack([*GOOD, (name, picture(99))]), 8)
    assert len(data) == 12 and len(data.skipped) == 1 and data.classes == ("cat", "dog")
    assert list(tmp_path.iterdir()) == []


def overlapping() -> bytes:
    """Two entries of the directory that point at one body."""
    data = bytearray(pack(GOOD))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    return bytes(data)


REFUSED = {
    "nothing": (b"", "no ZIP"),
    "no zip": (b"PK\3\4 garbage" * 50, "no ZIP"),
    "cut": (pack(GOOD)[:-200], "no ZIP"),
    "empty": (pack([]), "one folder a class"),
    "flat": (pack([(f"{i}.png", picture(i)) for i in range(8)]), "one folder a class"),
    "one class": (pack(GOOD[:6]), "cat"),
    "101 classes": (pack([(f"{i}/0.png", picture()) for i in range(101)]), "100"),
    "5,001 files": (pack([(f"{i % 2}/{i}.png", b"") for i in range(5001)]), "5,000"),
    "deep": (pack([*GOOD, ("a/" * 12 + "1.png", picture())]), "nested"),
    "a zip in a zip": (pack([("data.zip", pack(GOOD))]), "inside an archive"),
    "zeros": (pack([(f"{i % 2}/{i}.png", bytes(60 << 20)) for i in range(9)]), "unpack"),
    "overlap": (overlapping(), "overlap"),
}


@pytest.mark.parametrize("data, says", REFUSED.values(), ids=REFUSED)
def test_bad_archives_are_refused_with_a_reason(data, says):
    with pytest.raises(Refusal) as refusal:
        load_archive(data, 8)
    assert says in refusal.value.text.en and refusal.value.text.say("es") != refusal.value.text.en


def test_more_pictures_than_fit_into_memory_are_refused():
    with pytest.raises(Refusal, match="memory"):
        load_archive(pack(GOOD), 4000)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Refusal, match="nowhere"):
        load_folder(tmp_path / "nowhere", 8)


def test_the_corpus_ends_as_its_manifest_says(corpus):
    wrong = []
    files = corpus("zips")
    for entry, path in files:
        said = ""
        try:
            data = load_archive(path, 16)
            got = "partial" if data.skipped else "note" if data.notes else "accept"
            assert len(data.labels) == len(data.images) == sum(data.counts())
            if "classes" in entry and sorted(entry["classes"]) != list(data.classes):
                wrong.append((path.name, data.classes))
            if ("good" in entry and entry["good"] != len(data)) or ("skipped" in entry and entry["skipped"] != len(data.skipped)):
                wrong.append((path.name, len(data), data.skipped))
        except Refusal as refusal:
            got, said = "refuse", refusal.text.en
        if got not in entry["expect"].split("|") or entry.get("say", "") not in said:
            wrong.append((path.name, entry["expect"], got, said))
    assert len(files) > 35 and wrong == []
