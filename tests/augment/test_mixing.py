"""Mixed pictures and the shares of their labels, held against the pixels themselves and against torchvision's formulas."""

import inspect

import pytest
import torch

from vpc2 import codec
from vpc2.augment.custom.mixing import partners
from vpc2.augment.export.kornia_code import to_code
from vpc2.augment.export.other_libraries import to_albumentations, to_torchvision
from vpc2.augment.mixes import MIXES
from vpc2.augment.mixing import build_mix, mix_batch, mix_images
from vpc2.augment.spec import Mixing, Pipeline, edit_mix
from vpc2.text import Refusal


def pictures(count=4, height=48, width=64):
    return torch.rand((count, 3, height, width), generator=torch.Generator().manual_seed(0))


def flat(count=4, height=48, width=64):
    """Pictures of one grey each, so that a mixture's mean tells how much of each is in it."""
    return torch.linspace(0.1, 0.9, count)[:, None, None, None].expand(count, 3, height, width).contiguous()


@pytest.mark.parametrize("key", MIXES)
def test_the_target_takes_these_names_and_every_limit_is_usable(key):
    entry = MIXES[key]
    names = set(inspect.signature(entry.resolve().__init__).parameters)
    assert {knob.key for knob in entry.knobs} | {name for name, _ in entry.fixed} <= names
    assert entry.help.en and entry.help.say("es")
    for size in ((48, 64), (37, 53), (16, 16)):
        for knob in entry.knobs:
            for value in (knob.default, *knob.extremes()):
                images, shares = mix_images(key, {knob.key: value}, pictures(4, *size), 3)
                assert images.isfinite().all() and images.min() >= 0 and images.max() <= 1
                assert shares.shape == (4, 4) and shares.min() >= 0 and shares.sum(1).max() <= 1 + 1e-5


@pytest.mark.parametrize("key", MIXES)
def test_mixing_repeats_and_leaves_the_generator_alone(key):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (mix_images(key, {}, pictures(), 9) for _ in range(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert torch.equal(torch.get_rng_state(), before)
    others = [mix_images(key, {}, pictures(), seed)[0] for seed in range(10, 16)]
    assert any(not torch.equal(first[0], other) for other in others)


@pytest.mark.parametrize("key", MIXES)
def test_the_shares_are_what_the_pixels_say(key):
    """Of pictures of one grey each, the mean of a mixture is the mean of the greys, weighted by the shares."""
    greys = flat()[:, 0, 0, 0]
    for seed in range(5):
        images, shares = mix_images(key, {}, flat(), seed)
        torch.testing.assert_close(images.mean((1, 2, 3)), shares @ greys, atol=1e-4, rtol=0)


def test_mixup_is_the_formula():
    images = pictures()
    mixed, shares = mix_images("RandomMixUpV2", {"lambda_val": [0.3, 0.3]}, images, 4)
    wanted = torch.einsum("ij,jchw->ichw", shares, images)  # lambda x + (1 - lambda) x', Zhang and others, equation 1
    torch.testing.assert_close(mixed, wanted, atol=1e-5, rtol=0)
    for row in shares:
        assert sorted(value for value in row.tolist() if value > 1e-6)[-1] == pytest.approx(0.7, abs=1e-5) or row.max() == pytest.approx(1)


PARTNERED = [key for key in MIXES if key != "RandomJigsaw"]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 33])
@pytest.mark.parametrize("key", PARTNERED)
def test_a_partner_is_another_picture_whenever_there_is_one(key, count):
    """Of each result a share is another's, and over many seeds everybody meets everybody."""
    met = torch.zeros(count, count)
    for seed in range(40 if count < 10 else 5):
        _images, shares = mix_images(key, {}, pictures(count, 12, 16), seed)
        others = shares * (1 - torch.eye(count))
        assert (shares.diagonal() < 0.999).all() and (others.sum(1) > 0).all()
        if key != "RandomMosaic":
            assert ((others > 0).sum(1) == 1).all() and ((others > 0).sum(0) == 1).all()  # each gives once and takes once
        elif count >= 4:
            assert (shares.diagonal() > 0).all() and ((others > 0).sum(1) <= 3).all()
        met += others > 0
    assert count > 10 or ((met > 0) | torch.eye(count).bool()).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_partners_are_a_permutation_without_fixed_points(count):
    for seed in range(20):
        torch.manual_seed(seed)
        columns = partners(count, 3)
        for column in columns:
            assert sorted(column.tolist()) == list(range(count))
            assert count == 1 or (column != torch.arange(count)).all()
        assert count < 4 or all(len(set(row)) == 3 for row in columns.T.tolist())


@pytest.mark.parametrize("key", PARTNERED)
def test_a_batch_of_two_in_training_shares_both_labels(key):
    for seed in range(20):
        mixing = Mixing(key, {**MIXES[key].defaults(), **({"patch_size": 8} if key == "PatchMix" else {})})
        _mixed, targets = mix_batch(mixing, pictures(2, 16, 16), torch.tensor([0, 1]), 2, seed)
        assert (targets.diagonal() < 0.999).all(), seed


def test_cutmix_shares_by_area():
    mixed, shares = mix_images("RandomCutMixV2", {"cut_size": [0.5, 0.5]}, flat(), 2)
    for result, row, own in zip(mixed, shares, flat(), strict=True):
        other = (result != own).any(0).float().mean()
        assert 1 - row.max().item() == pytest.approx(other.item(), abs=1e-4) or row.max() == pytest.approx(1)


def test_a_jigsaw_keeps_every_pixel_and_its_label():
    images = pictures(2, 50, 66)
    mixed, shares = mix_images("RandomJigsaw", {"grid": 4}, images, 5)
    assert mixed.shape == (2, 3, 48, 64)
    torch.testing.assert_close(shares, torch.eye(2))
    torch.testing.assert_close(mixed.flatten(2).sort(-1).values, images[..., :48, :64].flatten(2).sort(-1).values)


def test_one_picture_cannot_be_mixed():
    with pytest.raises(Refusal, match="two photographs"):
        mix_images("RandomMixUpV2", {}, pictures(1), 1)
    assert build_mix("RandomJigsaw", {}, 8, 8) is not None


@pytest.mark.parametrize("key", MIXES)
def test_a_mixed_batch_has_the_targets_of_its_pixels(key):
    """Pictures of one grey a class: the mean of a mixed picture is what its targets say, where nothing is left black."""
    greys = torch.tensor([0.2, 0.5, 0.9])
    labels = torch.tensor([0, 1, 2, 2, 0, 1])
    images = greys[labels][:, None, None, None].expand(6, 3, 40, 48).contiguous()
    mixed, targets = mix_batch(Mixing(key, MIXES[key].defaults()), images, labels, 3, seed=5)
    assert mixed.shape == images.shape and targets.shape == (6, 3)
    assert torch.allclose(targets.sum(1), torch.ones(6))
    if key != "RandomMosaic":  # which may leave black
        assert torch.allclose(mixed.mean((1, 2, 3)), targets @ greys, atol=0.01)


def test_a_lone_picture_stays_as_it_is():
    image = torch.rand(1, 3, 8, 8)
    mixed, targets = mix_batch(Mixing("RandomCutMixV2", MIXES["RandomCutMixV2"].defaults()), image, torch.tensor([1]), 3, seed=1)
    assert torch.equal(mixed, image) and targets.tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("key", MIXES)
def test_the_script_mixes_as_the_app_does(key):
    pipeline = edit_mix(Pipeline(), key)
    script: dict = {"__name__": "exported"}
    exec(compile(to_code(pipeline), "pipeline.py", "exec"), script)  # our own text
    images = pictures(4, 48, 64)
    assert torch.equal(script["mix"](images, 7), mix_images(key, {}, images, 7)[0])
    for code in (to_torchvision(pipeline), to_albumentations(pipeline)):
        assert key in code and compile(code, "other.py", "exec")


def test_a_way_of_mixing_travels_with_its_pipeline():
    pipeline = edit_mix(Pipeline(seed=3), "RandomJigsaw", {"grid": 2})
    assert codec.from_token(codec.to_token(pipeline)).spec == pipeline and not pipeline.is_plain()
    assert edit_mix(pipeline, None) == Pipeline(seed=3)
    for junk in ({"way": "none"}, {"way": "RandomJigsaw", "params": {"grid": 99}}, [], {"ways": 1}):
        with pytest.raises(Refusal):
            codec.from_document({"version": 1, "kind": "pipeline", "mix": junk})
