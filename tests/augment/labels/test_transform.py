"""Labels held against the pixels: a mark painted at a point is found where the point is said to have gone, for every warp."""

import kornia.augmentation as K
import pytest
import torch

from vpc2.augment.labels.polygons import to_pixels
from vpc2.augment.labels.transform import move_boxes, move_labels, move_mask, move_points, track_draw
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import build_step, draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.labels import Label
from vpc2.rng import drawing, seed_of

HEIGHT, WIDTH = 96, 128
GEOMETRIC = [key for key, entry in OPS.items() if entry.family == "geometric"]


def always(key):
    return edit_add(Pipeline(seed=5), key, {"p": 1.0})


def mark(x, y, radius=2.5):
    """A soft white dot on black."""
    rows, columns = torch.meshgrid(torch.arange(float(HEIGHT)), torch.arange(float(WIDTH)), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2)).expand(3, HEIGHT, WIDTH).contiguous()


def centre(image):
    """The middle of what is bright in a picture, and how much brightness there is."""
    weight = image[0].clamp(min=0)
    rows, columns = torch.meshgrid(torch.arange(float(HEIGHT)), torch.arange(float(WIDTH)), indexing="ij")
    total = weight.sum()
    return ((columns * weight).sum() / total).item(), ((rows * weight).sum() / total).item(), total.item()


@pytest.mark.parametrize("key", GEOMETRIC)
def test_a_point_goes_where_its_pixels_go(key):
    found = 0
    for number in range(4):
        track = track_draw(always(key), HEIGHT, WIDTH, number)
        for point in ((64.0, 48.0), (40.0, 30.0), (90.0, 60.0)):
            seen = draw_images(always(key), mark(*point), number + 1, first=number)[0].image
            (moved,) = move_points(track, [point])
            x, y, total = centre(seen)
            if moved is None or not (10 < moved[0] < WIDTH - 10 and 10 < moved[1] < HEIGHT - 10) or total < 5:
                continue  # partly outside: the middle of what is left of the dot is not its centre
            found += 1
            assert abs(moved[0] - x) < 2.0 and abs(moved[1] - y) < 2.0, (number, point, moved, (x, y))
    assert found >= 3


@pytest.mark.parametrize(
    "key", ["RandomHorizontalFlip", "RandomVerticalFlip", "RandomRotation", "RandomAffine", "RandomShear", "RandomPerspective"]
)
def test_affine_points_are_kornias(key):
    pipeline = always(key)
    points = torch.tensor([[[64.0, 48.0], [50.0, 40.0], [80.0, 55.0]]])
    step = pipeline.steps[0]
    sequence = K.AugmentationSequential(build_step(step, HEIGHT, WIDTH), data_keys=["input", "keypoints"])
    with drawing(seed_of(pipeline.seed, step.seed_name, "", 0)):
        sampled = sequence.forward_parameters(torch.Size((1, 3, HEIGHT, WIDTH)))
    _, wanted = sequence(torch.zeros(1, 3, HEIGHT, WIDTH), points, params=sampled)
    with drawing(seed_of(pipeline.seed, step.seed_name, "", 0)):
        alone = build_step(step, HEIGHT, WIDTH).forward_parameters(torch.Size((1, 3, HEIGHT, WIDTH)))
    for name, value in sampled[0].data.items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(alone[name])), name  # the same draw on both sides
    moved = move_points(track_draw(pipeline, HEIGHT, WIDTH), [tuple(point) for point in points[0].tolist()])
    for ours, theirs in zip(moved, wanted[0].tolist(), strict=True):
        if ours is not None:
            assert abs(ours[0] - theirs[0]) < 1.5 and abs(ours[1] - theirs[1]) < 1.5


@pytest.mark.parametrize("key", GEOMETRIC)
def test_a_mask_and_its_box_follow_the_picture(key):
    image, mask = torch.zeros(3, HEIGHT, WIDTH), torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    image[:, 30:70, 40:90], mask[30:70, 40:90] = 1.0, True
    for number in range(3):
        seen = draw_images(always(key), image, number + 1, first=number)[0].image[0] > 0.5
        track = track_draw(always(key), HEIGHT, WIDTH, number)
        moved = move_mask(track, mask)
        union = (seen | moved).sum().item()
        assert union == 0 or (seen & moved).sum().item() / union > 0.9
        (box,) = move_boxes(track, [(40.0, 30.0, 90.0, 70.0)])
        if seen.sum() > 100:
            rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
            wanted = (columns[0].item(), rows[0].item(), columns[-1].item() + 1, rows[-1].item() + 1)
            assert max(abs(a - b) for a, b in zip(box, wanted, strict=True)) <= 3.0


def test_nothing_moves_without_a_step_that_moves():
    pipeline = edit_add(edit_add(Pipeline(), "RandomBrightness", {"p": 1.0}), "RandomGaussianBlur", {"p": 1.0})
    track = track_draw(pipeline, 20, 30)
    assert move_points(track, [(3.0, 4.0), (29.0, 19.0)]) == [(3.0, 4.0), (29.0, 19.0)]
    assert move_boxes(track, [(2.0, 3.0, 10.0, 9.0)]) == [(2.0, 3.0, 10.0, 9.0)]
    assert track.is_inside.all()


def test_what_leaves_the_picture_is_said_to_be_gone():
    pipeline = edit_add(Pipeline(), "RandomTranslate", {"translate_x": [0.5, 0.5], "translate_y": [0.0, 0.0], "p": 1.0})
    track = track_draw(pipeline, 40, 60)
    assert move_points(track, [(50.0, 20.0), (10.0, 20.0)])[0] is None
    assert move_boxes(track, [(45.0, 5.0, 55.0, 15.0)]) == [None]


POLICIES = [("AutoAugment", {}), ("RandAugment", {"n": 4, "m": 20}), ("TrivialAugment", {})]
MOVING = {"HorizontalFlip", "VerticalFlip", "Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"}


def policy(key, params):
    return edit_add(Pipeline(seed=7), key, params)


@pytest.mark.parametrize(("key", "params"), POLICIES)
def test_labels_follow_a_policy_as_its_own_matrix_says(key, params):
    """Kornia multiplies the matrices of the operations it drew: an account of the same draw that touches no pixel."""
    pipeline, moved_draws = policy(key, params), 0
    step = pipeline.steps[0]
    for number in range(60):
        augmentation = build_step(step, HEIGHT, WIDTH)
        with drawing(seed_of(pipeline.seed, step.seed_name, "", number)):
            sampled = augmentation.forward_parameters(torch.Size((1, 3, HEIGHT, WIDTH)))
        augmentation(torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1)), params=sampled)
        matrix = augmentation.transform_matrix
        matrix = torch.eye(3) if matrix is None else matrix.reshape(3, 3)
        moved_draws += not torch.allclose(matrix, torch.eye(3), atol=1e-4)
        track = track_draw(pipeline, HEIGHT, WIDTH, number)
        for point in ((64.0, 48.0), (50.0, 40.0), (80.0, 55.0)):
            wanted = matrix @ torch.tensor([*point, 1.0])
            if not (2 < wanted[0] < WIDTH - 3 and 2 < wanted[1] < HEIGHT - 3):
                continue
            (moved,) = move_points(track, [point])
            assert abs(moved[0] - wanted[0]) < 1.5 and abs(moved[1] - wanted[1]) < 1.5, (number, point)
    assert moved_draws >= 5


def test_a_mask_follows_a_policys_pixels():
    image, mask = torch.zeros(3, HEIGHT, WIDTH), torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    image[:, 30:70, 40:90], mask[30:70, 40:90] = 1.0, True
    pipeline, compared = policy("TrivialAugment", {}), 0
    for number in range(60):
        (draw,) = draw_images(pipeline, image, number + 1, first=number)
        if not set(draw.steps[0].values.get("operations", "").split(", ")) <= MOVING:
            continue  # colours changed too, so the white square cannot be told by its white
        seen, moved = draw.image[0] > 0.5, move_mask(track_draw(pipeline, HEIGHT, WIDTH, number), mask)
        assert (seen & moved).sum() / (seen | moved).sum() > 0.95
        compared += 1
    assert compared >= 10


def test_colours_of_a_policy_move_nothing():
    image_key, pipeline, colours = "k", policy("TrivialAugment", {}), 0
    for number in range(40):
        (draw,) = draw_images(pipeline, torch.rand(3, 20, 30), number + 1, image_key, first=number)
        if set(draw.steps[0].values.get("operations", "").split(", ")) & MOVING:
            continue
        colours += 1
        track = track_draw(pipeline, 20, 30, number, image_key)
        assert move_points(track, [(3.0, 4.0), (29.0, 19.0)]) == [(3.0, 4.0), (29.0, 19.0)]
    assert colours >= 10


def test_every_kind_of_label_moves_and_keeps_its_name():
    pipeline = edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 1.0})
    labels = [
        Label("box", (0.1, 0.2, 0.4, 0.6), "a"),
        Label("point", (0.25, 0.5), "b"),
        Label("mask", (0.1, 0.2, 0.4, 0.2, 0.4, 0.6), "c"),
    ]
    (box,), (point,), (mask,) = move_labels(track_draw(pipeline, 100, 200), labels)
    assert [label.name for label in (box, point, mask)] == ["a", "b", "c"]
    assert box.places == pytest.approx((0.6, 0.2, 0.9, 0.6), abs=0.006)
    assert point.places == pytest.approx((0.75, 0.5), abs=0.006)
    wanted = to_pixels(Label("mask", (0.9, 0.2, 0.6, 0.2, 0.6, 0.6)).scaled(200, 100), 100, 200)
    found = to_pixels(mask.scaled(200, 100), 100, 200)
    assert (found & wanted).sum() / (found | wanted).sum() > 0.96


def test_a_label_that_left_is_nothing():
    pipeline = edit_add(Pipeline(), "RandomTranslate", {"translate_x": [0.5, 0.5], "translate_y": [0.0, 0.0], "p": 1.0})
    labels = [Label("box", (0.7, 0.1, 0.9, 0.4)), Label("point", (0.9, 0.5)), Label("mask", (0.7, 0.1, 0.9, 0.1, 0.8, 0.4))]
    assert move_labels(track_draw(pipeline, 40, 60), labels) == [(), (), ()]


@pytest.mark.parametrize("key", PIPELINES)
def test_every_preset_can_be_tracked(key):
    track = track_draw(PIPELINES[key].pipeline, 33, 47, 2, "k")
    assert track.x.isfinite().all() and track.y.isfinite().all()


def test_a_picture_at_half_its_size_fills_a_quarter_of_the_draw():
    """What lies at the border is mixed of both: half of it and more is the picture's, no sliver of it beyond."""
    half = {"degrees": [0.0, 0.0], "translate": 0.0, "scale": [0.5, 0.5], "shear": [0.0, 0.0], "p": 1.0}
    track = track_draw(edit_add(Pipeline(), "RandomAffine", half), HEIGHT, WIDTH)
    rows, columns = track.is_inside.any(1).nonzero().flatten(), track.is_inside.any(0).nonzero().flatten()
    assert abs(len(rows) - HEIGHT / 2) <= 1 and abs(len(columns) - WIDTH / 2) <= 1
    [(whole,)] = move_labels(track, [Label("box", (0.0, 0.0, 1.0, 1.0))])
    assert whole.places == pytest.approx((0.25, 0.25, 0.75, 0.75), abs=0.6 / HEIGHT)
