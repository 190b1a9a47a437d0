"""The automatic policies: more strength changes more, and every value is torchvision's."""

import numpy as np
import pytest
import torch
from kornia.augmentation.container.params import ParamItem
from torchvision.transforms import v2

from vpc2.augment.custom.policies import CONSTRUCTORS, VALUES, AutoAugment, RandAugment, sample
from vpc2.augment.pipeline import build_step, draw_images
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.images.encode import resize_pixels, to_tensor
from vpc2.images.samples import SAMPLES, load_sample
from vpc2.rng import drawing

PHOTOS = [to_tensor(resize_pixels(load_sample(key).pixels, 64)) for key in SAMPLES]
SIZE = (224, 200)
# torchvision's name of an operation, its factor here.
SAME = {
    "ShearX": "shear_x",
    "ShearY": "shear_y",
    "TranslateX": "translate_x",
    "TranslateY": "translate_y",
    "Rotate": "degrees",
    "Brightness": "brightness_factor",
    "Color": "saturation_factor",
    "Contrast": "contrast_factor",
    "Sharpness": "sharpness",
    "Posterize": "bits_factor",
    "Solarize": "thresholds",
}
SLANTS = ("ShearX", "ShearY")
FACTORS = ("Brightness", "Color", "Contrast", "Sharpness")


def changed(name, strength):
    """How much an operation of this strength changes photographs, averaged over them and over both signs."""
    operation, changes = CONSTRUCTORS[name](1.0), []
    for photo in PHOTOS:
        for seed in range(4):
            with drawing(seed):
                params = sample(operation, strength, torch.Size((1, *photo.shape)))
            changes.append((operation(photo[None], params=params)[0] - photo).abs().mean().item())
    return float(np.mean(changes))


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_more_strength_changes_more(name):
    found = [changed(name, m / 30) for m in (1, 5, 10, 15, 20, 25, 29)]
    steps = np.diff(found)
    assert (steps >= -1e-6).all(), found
    is_fixed = name in ("auto_contrast", "equalize", "invert")
    assert (found[-1] == found[0]) if is_fixed else found[-1] > 2 * found[0], found


@pytest.mark.parametrize(("theirs", "bins"), [(v2.RandAugment, 31), (v2.AutoAugment, 10)])
@pytest.mark.parametrize("name", SAME)
def test_values_are_torchvisions(theirs, bins, name):
    make, is_signed = theirs._AUGMENTATION_SPACE[name]
    for place, wanted in enumerate(make(bins, *SIZE).tolist()):
        ours = {VALUES[SAME[name]](place / (bins - 1), sign, *SIZE) for sign in (-1, 1)}
        wanted = np.degrees(np.arctan(wanted)) if name in SLANTS else wanted
        signed = {-wanted, wanted} if is_signed else {wanted}
        signed = {1 + one for one in signed} if name in FACTORS else signed
        assert sorted(ours) == pytest.approx(sorted(signed), abs=1e-4), place


def test_the_searched_pairs_are_torchvisions():
    names = {"color": "Color", "auto_contrast": "AutoContrast", "shear_x": "ShearX", "shear_y": "ShearY"}
    names |= {"translate_x": "TranslateX", "translate_y": "TranslateY"}
    for key, policy in zip(("imagenet", "cifar10", "svhn"), v2.AutoAugmentPolicy, strict=True):
        wanted = [tuple((name, p, s) for name, p, s in pair) for pair in v2.AutoAugment(policy)._policies]
        seen = []
        for pair in AutoAugment(key).children():
            kinds = [type(operation).__name__.replace("Saturate", "Color") for operation in pair.children()]
            chances = [float(operation.op.p) for operation in pair.children()]
            seen.append(tuple(zip(kinds, chances, [round(9 * one) for one in pair.strengths], strict=True)))
        ours = sorted((tuple((name, round(p, 2), s) for name, p, s in pair)) for pair in seen)
        assert ours == sorted(tuple((name, p, s or 0) for name, p, s in pair) for pair in wanted), key


def test_each_picture_of_a_batch_has_a_sign_of_its_own():
    with drawing(1):
        params = sample(CONSTRUCTORS["rotate"](1.0), 0.5, torch.Size((40, 3, 8, 8)))
    assert set(params["degrees"].tolist()) == {-15.0, 15.0}


def test_the_strength_of_a_step_is_what_is_drawn():
    """The knob of the page reaches every operation: what is drawn says the same values as the table."""
    for m in (1, 15, 29):
        (step,) = edit_add(Pipeline(), "RandAugment", {"n": 8, "m": m}).steps
        policy = build_step(step, 32, 48)
        assert isinstance(policy, RandAugment)
        with drawing(m):
            drawn = policy.forward_parameters(torch.Size((1, 3, 32, 48)))
        assert len(drawn) == 8 and all(isinstance(item, ParamItem) for item in drawn)
        for item in drawn:
            operation = policy.get_submodule(f"{item.name}.{item.data[0].name}")
            name = operation._factor_name
            if name is not None:
                value = item.data[0].data[name].item()
                assert any(value == pytest.approx(VALUES[name](m / 30, sign, 32, 48), abs=1e-4) for sign in (-1, 1)), name


def test_solarised_draws_change_more_at_more_strength():
    def change(m, name):
        pipeline = edit_add(Pipeline(seed=3), "RandAugment", {"n": 1, "m": m})
        draws = draw_images(pipeline, PHOTOS[0], 150)
        found = [(draw.image - PHOTOS[0]).abs().mean().item() for draw in draws if draw.steps[0].values["operations"] == name]
        return np.mean(found)

    for name in ("Solarize", "SolarizeAdd", "Posterize", "Contrast", "Brightness", "Saturate", "Sharpness"):
        assert change(29, name) > change(15, name) > change(1, name), name
