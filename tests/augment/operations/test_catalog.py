"""The laws of the table of operations, each over every entry."""

import inspect
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc2 import codec
from vpc2.augment.export.kornia_code import to_code
from vpc2.augment.operations.catalog import FAMILIES, OPS
from vpc2.augment.pipeline import augment_batch, draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, Step, edit_add, edit_order, edit_param, edit_remove
from vpc2.knobs import Span, Whole
from vpc2.text import Refusal

KEYS = list(OPS)
ROUNDING = 2e-6  # of float, where the app takes a quicker way than Kornia, to which the exported code keeps


def is_same(image, other, pipeline):
    """Tell whether two pictures are equal, to rounding where a step took the quick way."""
    if not any(OPS[step.op].quick for step in pipeline.steps):
        return torch.equal(image, other)
    return image.shape == other.shape and (image - other).abs().max() <= ROUNDING


def picture(height=37, width=53, seed=0):
    return torch.rand((3, height, width), generator=torch.Generator().manual_seed(seed))


def always(key, **params):
    return edit_add(Pipeline(seed=7), key, params if OPS[key].is_policy else {**params, "p": 1.0})


def extremes() -> list:
    """Every operation with each of its knobs at each of its extremes, the others at their defaults."""
    return [
        pytest.param(key, knob.key, value, id=f"{key}-{knob.key}-{value}")
        for key in KEYS
        for knob in OPS[key].knobs
        for value in knob.extremes()
    ]


@pytest.mark.parametrize("key", KEYS)
def test_the_target_takes_these_names(key):
    entry = OPS[key]
    names = set(inspect.signature(entry.resolve().__init__).parameters)
    assert {knob.key for knob in entry.knobs} | {name for name, _ in entry.fixed} <= names
    assert entry.is_sized == ("size" in names)


@pytest.mark.parametrize("key", KEYS)
def test_an_entry_is_explained_and_in_a_family(key):
    entry = OPS[key]
    assert entry.family in FAMILIES
    for text in (entry.title, entry.help, *(knob.title for knob in entry.knobs)):
        assert text.en and text.say("es")
    assert all(knob.clean(knob.default) == knob.default for knob in entry.knobs)


@pytest.mark.parametrize(("key", "knob", "value"), extremes())
def test_every_limit_is_usable(key, knob, value):
    """On an odd size, in colour and in grey: same size, finite, in [0, 1]."""
    pipeline = edit_param(always(key), "s1", knob, value)
    for image in (picture(), picture()[:1].expand(3, -1, -1).clone()):
        (draw,) = draw_images(pipeline, image, 1)
        assert draw.image.shape == image.shape
        assert torch.isfinite(draw.image).all()
        assert draw.image.min() >= 0 and draw.image.max() <= 1


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 40), (8, 8)])
def test_small_pictures_pass_or_are_left_out_with_a_reason(key, size):
    (draw,) = draw_images(always(key), picture(*size), 1)
    assert draw.image.shape == (3, *size) and torch.isfinite(draw.image).all()
    assert draw.steps[0].is_applied or draw.steps[0].reason is not None


@pytest.mark.parametrize("key", KEYS)
def test_a_preview_repeats_and_leaves_the_generator_alone(key):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = draw_images(always(key), picture(), 3, "a")
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    second = draw_images(always(key), picture(), 3, "a")
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.image, other.image) and one.steps == other.steps


@pytest.mark.parametrize("key", KEYS)
def test_code_tells_the_truth(key):
    pipeline = always(key)
    script = {"__name__": "exported"}
    exec(compile(to_code(pipeline), f"{key}.py", "exec"), script)  # our own text, in a test
    image = picture(48, 64)
    for number, draw in enumerate(draw_images(pipeline, image, 2, "key")):
        assert is_same(script["augment"](image, number, "key"), draw.image, pipeline)


@pytest.mark.parametrize("key", KEYS)
def test_a_batch_is_augmented_each_picture_by_itself(key):
    images = torch.stack([picture()] * 4)
    once, again = augment_batch(always(key), images, 5), augment_batch(always(key), images, 5)
    assert torch.equal(once, again)
    assert once.shape == images.shape and torch.isfinite(once).all() and once.min() >= 0 and once.max() <= 1


@pytest.mark.parametrize("key", list(PIPELINES))
def test_exported_presets_give_the_same_pixels(key):
    script = {"__name__": "exported"}
    exec(compile(to_code(PIPELINES[key].pipeline), f"{key}.py", "exec"), script)  # our own text, in a test
    image = picture(64, 48)
    for number, draw in enumerate(draw_images(PIPELINES[key].pipeline, image, 3, "k")):
        assert is_same(script["augment"](image, number, "k"), draw.image, PIPELINES[key].pipeline)


def test_moving_one_knob_leaves_every_other_step_as_it_was():
    pipeline = PIPELINES["strong"].pipeline
    moved = edit_param(pipeline, "s2", "brightness", [0.2, 0.3])
    for before, after in zip(draw_images(pipeline, picture(), 6), draw_images(moved, picture(), 6), strict=True):
        for one, other in zip(before.steps, after.steps, strict=True):
            if one.step_id != "s2":
                assert one == other


def test_order_and_removal_leave_what_the_others_sample():
    pipeline = PIPELINES["strong"].pipeline
    sampled = {(i, step.step_id): step.values for i, draw in enumerate(draw_images(pipeline, picture(), 4)) for step in draw.steps}
    for changed in (edit_order(pipeline, ["s4", "s3", "s2", "s1"]), edit_remove(pipeline, "s1")):
        for i, draw in enumerate(draw_images(changed, picture(), 4)):
            for step in draw.steps:
                assert step.values == sampled[i, step.step_id]


def test_neighbours_in_threads_do_not_disturb_one_another():
    pipeline, image = PIPELINES["strong"].pipeline, picture()
    expected = [draw.image for draw in draw_images(pipeline, image, 4)]
    differing = []

    def work():
        for _ in range(10):
            differing.extend(1 for a, b in zip(draw_images(pipeline, image, 4), expected, strict=True) if not torch.equal(a.image, b))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not differing


def test_the_values_shown_are_the_values_applied():
    """A turn by the angle shown, made by torchvision's own rotation, is the picture drawn."""
    from torchvision.transforms.v2.functional import rotate

    pipeline = always("RandomRotation", degrees=[-40.0, 40.0])
    yy, xx = torch.meshgrid(torch.linspace(0, 6.28, 65), torch.linspace(0, 6.28, 65), indexing="ij")
    image = torch.stack([yy.sin(), xx.sin(), (yy + xx).sin()]) * 0.5 + 0.5
    for draw in draw_images(pipeline, image, 5):
        expected = rotate(image, draw.steps[0].values["degrees"], interpolation=2)
        assert (draw.image - expected)[:, 20:45, 20:45].abs().max() < 0.02


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.floats(), max_size=3), st.just(10**400)
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from([key for key in KEYS if OPS[key].knobs]), st.data())
def test_a_bad_value_is_refused_and_a_good_one_is_kept(key, data):
    knob = data.draw(st.sampled_from(OPS[key].knobs))
    value = data.draw(VALUES)
    try:
        cleaned = knob.clean(value)
    except Refusal as refusal:
        assert refusal.field == knob.key
        return
    assert knob.clean(cleaned) == cleaned
    if isinstance(knob, Span | Whole):
        assert codec.from_token(codec.to_token(edit_param(always(key), "s1", knob.key, cleaned))).spec.steps[0].params[knob.key] == cleaned


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(KEYS), max_size=5), st.integers(0, 2**31 - 1), st.integers(1, 40), st.integers(1, 40))
def test_random_pipelines_on_odd_pictures_stay_in_range(keys, seed, height, width):
    pipeline = Pipeline(tuple(Step(f"s{i}", key, OPS[key].defaults()) for i, key in enumerate(keys)), seed)
    assert codec.from_token(codec.to_token(pipeline)).spec == pipeline
    (draw,) = draw_images(pipeline, picture(height, width), 1)
    assert draw.image.shape == (3, height, width) and torch.isfinite(draw.image).all()
    assert draw.image.min() >= 0 and draw.image.max() <= 1
