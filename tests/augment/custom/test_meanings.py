"""What the words of an operation promise is what happens: colours held against Pillow, directions against Pillow and by hand."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from torchvision.transforms import RandomResizedCrop

from vpc2.augment.labels.transform import move_points, track_draw
from vpc2.augment.pipeline import augment_batch, draw_images
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.images.samples import load_sample

PHOTO = Image.fromarray(load_sample("coffee").pixels).resize((120, 80))
IMAGE = torch.from_numpy(np.array(PHOTO)).permute(2, 0, 1).float() / 255
NEUTRAL = {"brightness": [1.0, 1.0], "contrast": [1.0, 1.0], "saturation": [1.0, 1.0], "hue": [0.0, 0.0]}
ENHANCERS = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast, "saturation": ImageEnhance.Color}
CLASSES = {"brightness": "RandomBrightness", "contrast": "RandomContrast", "saturation": "RandomSaturation"}


def drawn(key, image=IMAGE, **params):
    return draw_images(edit_add(Pipeline(seed=3), key, {**params, "p": 1.0}), image, 1)[0]


@pytest.mark.parametrize("factor", [0.0, 0.4, 0.8, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("name", ENHANCERS)
def test_a_factor_does_what_pillows_does(name, factor):
    wanted = np.array(ENHANCERS[name](PHOTO).enhance(factor)).astype(float)
    batch = edit_add(Pipeline(), CLASSES[name], {name: [factor, factor], "p": 1.0})
    for made in (
        drawn(CLASSES[name], **{name: [factor, factor]}).image,
        drawn("ColorJitter", **{**NEUTRAL, name: [factor, factor]}).image,
        augment_batch(batch, IMAGE[None], 1)[0],
    ):
        assert np.abs(made.permute(1, 2, 0).numpy() * 255 - wanted).mean() < 1.2


@pytest.mark.parametrize("name", ENHANCERS)
def test_jiggle_has_the_same_arithmetic(name):
    draw = drawn("ColorJiggle", **{**dict.fromkeys(NEUTRAL, 0.0), name: 0.5})
    factor = draw.steps[0].values[f"{name}_factor"]
    assert abs(factor - 1) > 0.02
    wanted = np.array(ENHANCERS[name](PHOTO).enhance(factor)).astype(float)
    assert np.abs(draw.image.permute(1, 2, 0).numpy() * 255 - wanted).mean() < 1.2


def test_contrast_keeps_the_mean_of_every_picture_of_a_batch():
    images = torch.stack([torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(i)) * 0.4 + 0.1 * i for i in range(4)])
    made = augment_batch(edit_add(Pipeline(), "RandomContrast", {"contrast": [0.3, 0.9], "p": 1.0}), images, 5)
    grey = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    torch.testing.assert_close((made * grey).sum(1).mean((1, 2)), (images * grey).sum(1).mean((1, 2)), atol=1e-3, rtol=0)


def mark(x, y, side=65):
    rows, columns = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).expand(3, side, side).contiguous()


def centre(image):
    weight = image.mean(0)
    rows, columns = torch.meshgrid(*(torch.arange(float(side)) for side in weight.shape), indexing="ij")
    return (columns * weight).sum().item() / weight.sum().item(), (rows * weight).sum().item() / weight.sum().item()


AFFINE = {"translate": 0.0, "scale": [1.0, 1.0], "shear": [0.0, 0.0]}


@pytest.mark.parametrize("angle", [-90.0, -30.0, 15.0, 30.0, 90.0, 120.0])
@pytest.mark.parametrize(("key", "more"), [("RandomRotation", {}), ("RandomAffine", AFFINE)])
def test_positive_angles_turn_counter_clockwise_as_pillows_and_labels_turn_with_them(key, more, angle):
    image = mark(50, 40)
    wanted = centre(torch.from_numpy(np.array(Image.fromarray((image[0] * 255).byte().numpy()).rotate(angle, 2)))[None].float())
    draw = drawn(key, image, degrees=[angle, angle], **more)
    assert centre(draw.image) == pytest.approx(wanted, abs=0.6)
    assert draw.steps[0].values["degrees" if key == "RandomRotation" else "angle"] == pytest.approx(angle)
    pipeline = edit_add(Pipeline(seed=3), key, {"degrees": [angle, angle], **more, "p": 1.0})
    assert move_points(track_draw(pipeline, 65, 65), [(50.0, 40.0)])[0] == pytest.approx(wanted, abs=1.5)
    batch = augment_batch(pipeline, torch.stack([image] * 2), 1)
    assert all(centre(one) == pytest.approx(wanted, abs=0.6) for one in batch)


def test_a_quarter_more_is_counter_clockwise():
    made = drawn("RandomRotation90", mark(50, 40), times=[1, 1]).image
    assert centre(made) == pytest.approx((40, 64 - 50), abs=0.5)


@pytest.mark.parametrize(("key", "more"), [("RandomShear", {}), ("RandomAffine", {**AFFINE, "degrees": [0.0, 0.0]})])
def test_a_positive_slant_pushes_the_top_to_the_right(key, more):
    top = centre(drawn(key, mark(32, 12), **{**more, "shear": [20.0, 20.0]}).image)
    bottom = centre(drawn(key, mark(32, 52), **{**more, "shear": [20.0, 20.0]}).image)
    assert top == pytest.approx((32 + 20 * np.tan(np.radians(20)), 12), abs=0.7)
    assert bottom == pytest.approx((32 - 20 * np.tan(np.radians(20)), 52), abs=0.7)


def test_positive_shifts_go_right_and_down():
    made = drawn("RandomTranslate", mark(20, 20), translate_x=[0.25, 0.25], translate_y=[0.125, 0.125]).image
    assert centre(made) == pytest.approx((20 + 0.25 * 65, 20 + 0.125 * 65), abs=0.3)


def test_a_streak_turns_counter_clockwise_with_its_angle():
    made = drawn("RandomMotionBlur", mark(32, 32), kernel_size=21, angle=[30.0, 30.0], direction=[0.0, 0.0]).image[0]
    rows, columns = torch.meshgrid(*(torch.arange(65.0) - 32,) * 2, indexing="ij")
    slope = (made * rows * columns).sum() / (made * columns.square()).sum()
    assert slope == pytest.approx(-np.tan(np.radians(30)), abs=0.2)


@pytest.mark.parametrize(("height", "width"), [(200, 20), (20, 200), (90, 60), (60, 90)])
def test_where_no_crop_fits_it_is_torchvisions(height, width):
    """The whole area in the nearest allowed ratio, from the middle: in a picture of its own coordinates the crop tells its corners."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    image = torch.stack([rows, columns, rows])
    top, left, tall, wide = RandomResizedCrop.get_params(image, [1.0, 1.0], [0.8, 1.25])
    made = drawn("RandomResizedCrop", image, scale=[1.0, 1.0], ratio=[0.8, 1.25]).image
    ends = [float(end) for plane in made[:2] for end in (plane.min(), plane.max())]
    wanted = [top / (height - 1), (top + tall - 1) / (height - 1), left / (width - 1), (left + wide - 1) / (width - 1)]
    assert ends == pytest.approx(wanted, abs=1.2 / min(height, width))


@pytest.mark.parametrize(("height", "width"), [(40, 80), (80, 40), (36, 36)])
def test_tiles_that_hide_are_as_many_down_as_across(height, width):
    """Each of four by four tiles is hidden whole or not at all, apart from its neighbours, whatever the picture's shape."""
    pipeline = edit_add(Pipeline(), "RandomHideAndSeek", {"grid": 4, "hide": 0.5, "p": 1.0})
    hidden = augment_batch(pipeline, torch.ones(60, 3, height, width), 5)[:, 0] == 0
    tiles = hidden.view(60, 4, height // 4, 4, width // 4).float().mean((2, 4))
    assert set(tiles.unique().tolist()) == {0.0, 1.0}
    assert (tiles.mean(0) - 0.5).abs().max() < 0.3
    for axis in (1, 2):
        changes = tiles.diff(dim=axis).abs().mean(0)
        assert changes.min() > 0.2, "tiles beside one another are hidden together"
