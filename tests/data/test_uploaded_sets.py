"""A visitor's own pictures become a data set that trains like any other."""

import io
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vpc2 import codec
from vpc2.data import uploaded_sets
from vpc2.data.datasets import find_dataset, is_ready, load_dataset
from vpc2.data.folder_or_zip import load_archive, load_uploads
from vpc2.data.imageset import ImageSet
from vpc2.system import host
from vpc2.text import Refusal
from vpc2.training.checks import check_recipe
from vpc2.training.presets import RECIPES
from vpc2.training.spec import SETTINGS, Recipe
from vpc2.training.trainer.trainer import fit

OWNER = "a" * 32


def files(count=8):
    """Return pictures of two colours, as (path, bytes)."""
    made = []
    for name, colour in (("blue sky", (30, 60, 220)), ("grass", (40, 180, 60))):
        for i in range(count):
            out = io.BytesIO()
            pixels = np.clip(np.array(colour) + np.random.default_rng(i).normal(0, 20, (40, 50, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
            made.append((f"mine/{name}/{i}.png", out.getvalue()))
    return made


def pack(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in entries:
            archive.writestr(path, data)
    return out.getvalue()


def test_a_folder_and_its_zip_are_the_same_set():
    loose, packed = load_uploads(files(), uploaded_sets.SIZE_PX), load_archive(pack(files()), uploaded_sets.SIZE_PX)
    assert uploaded_sets.keep(loose, "mine", OWNER).key == uploaded_sets.keep(packed, "mine", OWNER).key
    assert uploaded_sets.keys_of(OWNER) == [uploaded_sets.keep(packed, "mine", OWNER).key]
    assert uploaded_sets.keys_of("b" * 32) == []


def test_an_own_set_is_read_back_and_trained_on():
    entry = uploaded_sets.keep(load_uploads(files(), uploaded_sets.SIZE_PX), "mine", OWNER)
    data = load_dataset(entry.key, 32)
    assert data.images.shape == (16, 32, 32, 3)
    assert data.classes == find_dataset(entry.key).classes == ("blue sky", "grass")
    recipe = Recipe(
        entry.key, RECIPES["shapes"].recipe.net, None, SETTINGS.clean({"epochs": 6, "batch_size": 4, "budget_s": 20, "size_px": 32})
    )
    assert check_recipe(recipe) is None
    events = []
    classifier = fit(recipe, events.append)
    assert classifier.classes == ("blue sky", "grass")
    assert events[-1]["test_accuracy"] == 1.0  # two colours: a net that cannot tell them is broken


def test_a_recipe_of_a_set_that_is_gone_stays_readable_and_says_so():
    entry = uploaded_sets.keep(load_uploads(files(), uploaded_sets.SIZE_PX), "mine", OWNER)
    recipe = Recipe(entry.key, RECIPES["digits"].recipe.net)
    uploaded_sets.delete(entry.key, "b" * 32)
    assert is_ready(entry.key)
    uploaded_sets.delete(entry.key, OWNER)
    assert not is_ready(entry.key)
    assert codec.from_token(codec.to_token(recipe)).spec == recipe
    with pytest.raises(Refusal):
        load_dataset(entry.key)


@pytest.mark.parametrize("key", ["own-../../etc/passwd0", "own-", "own-ABCDEF0123456789", "own-0123456789abcdef/..", 7, None])
def test_only_a_key_names_a_folder(key):
    with pytest.raises(Refusal):
        find_dataset(key)


def test_too_few_pictures_and_too_many_sets_are_refused():
    with pytest.raises(Refusal, match="at least five"):
        uploaded_sets.keep(load_uploads(files(3), uploaded_sets.SIZE_PX), "few", OWNER)
    for count in range(8, 8 + uploaded_sets.MAX_DATASETS):
        uploaded_sets.keep(load_uploads(files(count), uploaded_sets.SIZE_PX), "one", OWNER)
    with pytest.raises(Refusal, match="delete one"):
        uploaded_sets.keep(load_uploads(files(20), uploaded_sets.SIZE_PX), "more", OWNER)


def test_unused_data_sets_are_removed_and_used_ones_stay(monkeypatch):
    """Unused for seven days is gone; of too many bytes in all, the longest unused go."""
    entries = [uploaded_sets.keep(load_archive(pack(files(count)), 64), f"set {count}", OWNER) for count in (8, 9, 10)]
    about = [uploaded_sets.own_folder(entry.key) / uploaded_sets.OWN_ABOUT for entry in entries]
    now = about[0].stat().st_mtime
    for i, path in enumerate(about):
        os.utime(path, (now - (9 - i) * host.DAY_S,) * 2)
    load_dataset(entries[0].key, 16)  # looked at: used now
    uploaded_sets.sweep(now)
    assert uploaded_sets.keys_of(OWNER) == [entries[0].key, entries[2].key]
    sizes = [(uploaded_sets.own_folder(entry.key) / uploaded_sets.PICTURES).stat().st_size for entry in (entries[0], entries[2])]
    monkeypatch.setattr(host, "LIMITS", replace(host.LIMITS, own_bytes=sum(sizes) - 1))
    uploaded_sets.sweep(now)
    assert uploaded_sets.keys_of(OWNER) == [entries[0].key]


def test_a_set_is_its_owners_to_look_at_and_to_delete():
    images = np.zeros((20, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(20)
    key = uploaded_sets.keep(ImageSet(images, np.arange(20) % 2, ("a", "b")), "mine", OWNER).key
    other = "b" * 32
    assert (
        uploaded_sets.is_visible_to(key, OWNER)
        and not uploaded_sets.is_visible_to(key, other)
        and uploaded_sets.is_visible_to("digits", other)
    )
    assert uploaded_sets.keys_of(OWNER) == [key] and uploaded_sets.keys_of(other) == []
    uploaded_sets.delete(key, other)
    assert is_ready(key)
    uploaded_sets.delete(key, OWNER)
    assert not is_ready(key) and uploaded_sets.keys_of(OWNER) == []
