"""The comparison of libraries: the very calls that are exported, the same pictures, and a time for each."""

import numpy as np
import pytest
import torch

from vpc2.augment.export.call_parser import make
from vpc2.augment.export.other_libraries import to_albumentations, to_torchvision
from vpc2.augment.library_comparison import MATCHES, apply_match, installed, prepare, time_match
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline
from vpc2.images.samples import load_sample

PIXELS = load_sample("chelsea").pixels[40:232, 60:316]
WRITERS = {"torchvision": to_torchvision, "albumentations": to_albumentations}


def test_enough_operations_are_compared_and_each_is_in_the_catalog():
    assert len(MATCHES) >= 15
    assert set(MATCHES) <= set(OPS)


@pytest.mark.parametrize("key", MATCHES)
def test_the_libraries_agree(key):
    made = apply_match(key, PIXELS)
    assert tuple(made) == installed(key) and len(made) >= 2
    for library, picture in made.items():
        assert picture.shape == PIXELS.shape and picture.dtype == np.uint8
        gap = np.abs(picture.astype(int) - made["kornia"].astype(int)).mean()
        assert gap < dict(OPS[key].gaps).get(library, 2.0), (library, gap)
    assert np.abs(made["kornia"].astype(int) - PIXELS.astype(int)).mean() > 1  # it does something


@pytest.mark.parametrize("key", MATCHES)
def test_what_is_compared_is_what_is_drawn_and_what_is_exported(key):
    pipeline, made = Pipeline((MATCHES[key].step,)), apply_match(key, PIXELS)
    image = torch.tensor(PIXELS).permute(2, 0, 1)
    ours = draw_images(pipeline, image.float() / 255, 1)[0].image.permute(1, 2, 0).numpy() * 255
    assert np.abs(ours - made["kornia"]).max() <= 0.51
    for library in installed(key)[1:]:
        scope = {"__name__": "exported"}
        exec(compile(WRITERS[library](pipeline), "exported", "exec"), scope)  # our own text, in a test
        theirs = (
            scope["augment"](image=PIXELS)["image"] if library == "albumentations" else scope["augment"](image).permute(1, 2, 0).numpy()
        )
        assert np.abs(theirs.astype(int) - made[library]).max() <= 1, library


def test_a_call_is_made_from_its_text_and_nothing_else_is_understood():
    names = {"torch": torch, "pair": lambda *given, **named: (given, named)}
    assert make("pair([1, torch.float32], (-1, 2.5), {'a': (0, 0)}, key='x')", names) == (
        ([1, torch.float32], (-1, 2.5), {"a": (0, 0)}),
        {"key": "x"},
    )
    for text in ("1 + pair", "[x for x in ()]", "lambda: 1", "pair if 1 else 2", "pair(**{'key': 1})"):
        with pytest.raises(ValueError):
            make(text, names)
    with pytest.raises(KeyError):
        make("open('x')", names)


def test_flips_and_inversion_agree_to_the_pixel():
    for key in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomInvert"):
        made = list(apply_match(key, PIXELS).values())
        assert all(np.array_equal(made[0], other) for other in made[1:]), key


def test_a_batch_is_worked_on_as_one_picture_is():
    pixels = np.stack([PIXELS, PIXELS[::-1]])
    for library in installed("ColorJitter"):
        work, back = prepare("ColorJitter", library, pixels)
        assert np.abs(back(work())[0].astype(int) - apply_match("ColorJitter", PIXELS)[library]).max() <= 1


def test_times_are_told_for_every_library():
    times = time_match("RandomGrayscale", PIXELS[:32, :32], 2, turns=2)
    assert tuple(times) == installed("RandomGrayscale") and min(times.values()) > 0
