"""The quick way draws the same values and makes the same pixels as Kornia's own."""

import pytest
import torch

from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import arguments, build_step
from vpc2.augment.spec import Pipeline, edit_add, edit_param
from vpc2.images.encode import resize_pixels, to_pixels, to_tensor
from vpc2.images.samples import load_sample
from vpc2.rng import drawing

QUICK = [key for key in OPS if OPS[key].quick]
ROUNDING = 2e-6
PHOTO = load_sample("astronaut").pixels


def pictures(height, width):
    """Three pictures: a photograph, noise, and noise in grey with a black and a white row."""
    photo = to_tensor(resize_pixels(PHOTO, max(height, width)))[:, :height, :width]
    noise = torch.rand((3, height, width), generator=torch.Generator().manual_seed(0))
    grey = noise[:1].expand(3, -1, -1).clone()
    grey[:, 0], grey[:, -1] = 0.0, 1.0
    return torch.stack([photo, noise, grey])


def cases() -> list:
    """Every operation with a quick way: at its defaults, and with each of its knobs at each of its extremes."""
    extremes = [(key, knob.key, value) for key in QUICK for knob in OPS[key].knobs for value in knob.extremes()]
    return [pytest.param(*case, id="-".join(map(str, case))) for case in [*((key, None, None) for key in QUICK), *extremes]]


@pytest.mark.parametrize(("key", "knob", "value"), cases())
@pytest.mark.parametrize("size", [(37, 53), (128, 128), (96, 160)], ids=str)
def test_the_quick_way_is_the_same_way(key, knob, value, size):
    pipeline = edit_add(Pipeline(), key, {"p": 0.7})
    (step,) = (pipeline if knob is None else edit_param(pipeline, "s1", knob, value)).steps
    images, made = pictures(*size), []
    for module in (OPS[key].resolve()(**arguments(OPS[key], step.params, *size)), build_step(step, *size)):
        with drawing(7), torch.no_grad():
            sampled = module.forward_parameters(images.shape)
            made.append((sampled, module(images, params=sampled).clamp(0, 1), torch.rand(3)))
    (values, own, after), (quick_values, quick, quick_after) = made
    assert values.keys() == quick_values.keys() and torch.equal(after, quick_after)
    for name, sampled in values.items():
        torch.testing.assert_close(torch.as_tensor(quick_values[name]), torch.as_tensor(sampled), atol=ROUNDING, rtol=0)
    torch.testing.assert_close(quick, own, atol=ROUNDING, rtol=0, equal_nan=True)
    for one, other in zip(quick, own, strict=True):
        gap = abs(to_pixels(one).astype(int) - to_pixels(other))
        assert gap.max() <= 1 and (gap > 0).mean() < 0.001


@pytest.mark.parametrize("key", QUICK)
def test_the_quick_class_is_kornias_own_and_used_on_the_cpu_alone(key):
    (step,) = edit_add(Pipeline(), key).steps
    quick, own = build_step(step, 32, 32), build_step(step, 32, 32, "cuda")
    assert isinstance(quick, type(own)) and type(quick) is not type(own) and type(own) is OPS[key].resolve()
