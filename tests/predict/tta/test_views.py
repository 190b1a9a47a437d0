"""Views: what they do to pixels, held against torchvision and ttach, and that what they move can be moved back."""

from typing import get_args, get_type_hints

import pytest
import torch
import ttach
from torchvision.transforms import functional as reference

from vpc2.predict.tta.transforms import apply_masks, apply_points, apply_view, undo_masks, undo_points, view_matrix
from vpc2.predict.tta.views import IDENTITY, MAX_VIEWS, VIEW_SETS, VIEWS, ViewSet, clean_views, default_set, parse_views
from vpc2.text import Refusal

SIZES = [(32, 32), (24, 40), (33, 17), (1, 1), (2, 3)]
GEOMETRIC = [key for key, view in VIEWS.items() if view.is_geometric]


def pictures(height=32, width=32, count=2):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", SIZES)
def test_a_view_keeps_shape_and_range_and_repeats(view, size):
    images = pictures(*size)
    before = images.clone()
    seen = apply_view(view, images)
    assert seen.shape == images.shape
    assert seen.min() >= 0 and seen.max() <= 1
    assert torch.equal(seen, apply_view(view, images))
    assert torch.equal(images, before)


def test_the_identity_is_there_and_changes_nothing():
    assert torch.equal(apply_view(IDENTITY, pictures()), pictures())


@pytest.mark.parametrize("view", GEOMETRIC)
@pytest.mark.parametrize("size", SIZES)
def test_points_come_back(view, size):
    points = torch.tensor([[0.0, 0.0], [size[1] - 1.0, size[0] - 1.0], [3.5, 2.25]], dtype=torch.float64)
    back = undo_points(view, apply_points(view, points, size), size)
    torch.testing.assert_close(back, points, rtol=0, atol=1e-9)


@pytest.mark.parametrize("view", [key for key in GEOMETRIC if VIEWS[key].family in ("plain", "flip") or "turn_" in key])
def test_masks_come_back_exactly_where_no_pixel_is_lost(view):
    masks = (torch.rand(1, 2, 24, 24, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    assert torch.equal(undo_masks(view, apply_masks(view, masks)), masks)


@pytest.mark.parametrize("view", GEOMETRIC)
def test_masks_come_back_inside(view):
    masks = torch.zeros(1, 1, 48, 48)
    masks[..., 16:32, 14:30] = 1
    back = undo_masks(view, apply_masks(view, masks))
    # A nearest pixel fetched twice may lie one beside: the edge may differ, nothing else.
    assert torch.equal(back[..., 18:30, 16:28], masks[..., 18:30, 16:28])
    assert back.sum() == pytest.approx(masks.sum().item(), rel=0.15)


@pytest.mark.parametrize("view", GEOMETRIC)
def test_pixels_go_where_points_go(view):
    images = torch.zeros(1, 3, 41, 41)
    images[..., 20:23, 17:20] = 1  # around (18, 21)
    (x, y) = apply_points(view, torch.tensor([18.0, 21.0]), (41, 41)).tolist()
    seen = apply_view(view, images)[0, 0]
    rows, columns = torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij")
    assert (columns * seen).sum() / seen.sum() == pytest.approx(x, abs=0.3)
    assert (rows * seen).sum() / seen.sum() == pytest.approx(y, abs=0.3)


def test_flips_turns_and_light_are_ttach():
    images = pictures()
    for view, transform, value in (
        ("flip_horizontal", ttach.HorizontalFlip(), True),
        ("flip_vertical", ttach.VerticalFlip(), True),
        ("turn_90", ttach.Rotate90([90]), 90),
        ("turn_180", ttach.Rotate90([180]), 180),
        ("turn_270", ttach.Rotate90([270]), 270),
    ):
        parameter = transform.pname
        assert torch.equal(apply_view(view, images), transform.apply_aug_image(images, **{parameter: value})), view
    brighter = ttach.Multiply([1.2]).apply_aug_image(images, factor=1.2).clamp(0, 1)
    torch.testing.assert_close(apply_view("brighter", images), brighter)


@pytest.mark.parametrize(("view", "degrees"), [("rotate_left", 8.0), ("rotate_right", -8.0)])
def test_small_turns_are_torchvisions_inside(view, degrees):
    images = pictures(64, 64)
    wanted = reference.rotate(images, degrees, reference.InterpolationMode.BILINEAR)
    torch.testing.assert_close(apply_view(view, images)[..., 12:-12, 12:-12], wanted[..., 12:-12, 12:-12], atol=1e-4, rtol=0)


def test_contrast_and_grey_are_torchvisions():
    images = pictures()
    torch.testing.assert_close(apply_view("more_contrast", images), reference.adjust_contrast(images, 1.3), atol=1e-5, rtol=0)
    torch.testing.assert_close(apply_view("grey", images), reference.rgb_to_grayscale(images, 3), atol=1e-5, rtol=0)


def test_the_centre_crop_is_torchvisions():
    images = pictures(64, 64)
    wanted = reference.resize(reference.center_crop(images, 56), [64, 64], antialias=False)
    torch.testing.assert_close(apply_view("crop_centre", images)[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2], atol=1e-4, rtol=0)


@pytest.mark.parametrize("key", VIEW_SETS)
def test_sets_name_views_each_once(key):
    views = VIEW_SETS[key].views
    assert len(set(views)) == len(views)
    assert all(view in VIEWS for view in views)


def test_a_kind_of_classifier_starts_with_one_set_and_a_net_trained_here_sees_no_mirror_image():
    """Of three points that turn to the right, a mirrored picture makes three that turn to the left."""
    kinds = get_args(get_args(get_type_hints(ViewSet)["default_for"])[0])
    assert sorted(kind for entry in VIEW_SETS.values() for kind in entry.default_for) == sorted(kinds)
    turns = {}
    for view in VIEWS:
        a, b, c = apply_points(view, torch.tensor([[2.0, 2.0], [20.0, 2.0], [2.0, 20.0]]), (32, 32))
        turns[view] = float(torch.linalg.det(torch.stack([b - a, c - a])))
    assert turns["flip_horizontal"] < 0 < turns[IDENTITY]
    assert all(turns[view] > 0 for view in default_set(is_pretrained=False).views)
    assert any(turns[view] < 0 for view in default_set(is_pretrained=True).views)


def test_text_names_views_and_sets():
    assert parse_views("flip") == VIEW_SETS["flip"].views
    assert parse_views("identity, hflip,flip") == ("identity", "flip_horizontal")
    assert parse_views("") == (IDENTITY,)
    with pytest.raises(Refusal):
        parse_views("sideways")
    with pytest.raises(Refusal, match=str(MAX_VIEWS)):
        clean_views(["identity"] * (MAX_VIEWS + 1))


def test_matrices_of_views_that_move_nothing_are_the_identity():
    assert view_matrix("brighter", 9, 7) == view_matrix(IDENTITY, 9, 7)
