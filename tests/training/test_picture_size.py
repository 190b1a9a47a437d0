"""The pictures of a recipe have the side that its net was made for: torchvision's own nets say the same, and the repair gets there."""

from dataclasses import replace

import pytest
import torch
import torchvision

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.predict.spec import Backbone
from vpc2.training.checks import check_recipe, fit_to_data
from vpc2.training.picture_size import BACKBONE_PX, describe_picture_size, made_for_px
from vpc2.training.settings import SETTINGS

LIMITS = SETTINGS.knob("size_px")


@pytest.mark.parametrize("key", list(NETS))
def test_a_ready_made_net_can_have_the_pictures_it_was_made_for(key, make_recipe):
    net = NETS[key].net
    side = made_for_px(net)
    assert side == min(max(net.input[1:]), LIMITS.high)
    assert summarise(fit_to_data(replace(make_recipe(size_px=side), net=net))[0].net).problem is None


def test_pretrained_nets_get_the_side_at_which_torchvisions_five_halvings_leave_three():
    trunk = torchvision.models.mobilenet_v3_small(weights=None).features.eval()
    assert made_for_px(Backbone()) == BACKBONE_PX and trunk(torch.zeros(1, 3, BACKBONE_PX, BACKBONE_PX)).shape[-2:] == (3, 3)


@pytest.mark.parametrize(("shape", "side"), [((3, 20, 30), 30), ((1, 2, 2), LIMITS.low), ((3, 2000, 10), LIMITS.high)])
def test_other_sides_become_a_square_within_the_limits(shape, side):
    assert made_for_px(Net(shape)) == side


def test_the_first_repair_gives_a_net_its_pictures_and_cuts_nothing(make_recipe):
    net = make_net(
        "deep",
        (3, 64, 64),
        *([("Conv2d", {"padding": 1}), ("MaxPool2d", {"kernel_size": 4, "stride": 4})] * 2),
        ("Conv2d", {"kernel_size": 4, "padding": 0}),
        "Flatten",
        ("Linear", {"out_features": 10}),
    )
    recipe = replace(make_recipe(size_px=16), net=net)
    problem = check_recipe(recipe)
    mended = problem.repairs[0].apply(recipe)
    assert "64 px" in problem.repairs[0].title.en and mended == replace(recipe, settings={**recipe.settings, "size_px": 64})
    assert check_recipe(mended) is None and mended.net == net
    assert len(problem.repairs) > 1, "the net can still be changed in place of the pictures"
    module = build_net(fit_to_data(mended)[0].net)
    assert sum(p.numel() for p in module.parameters()) == summarise(net).params


def test_a_net_that_fits_no_pictures_is_offered_none(make_recipe):
    net = make_net("never", (3, 16, 16), ("Conv2d", {"kernel_size": 33, "padding": 0}), "Flatten", ("Linear", {"out_features": 10}))
    assert all("px" not in repair.title.en for repair in check_recipe(replace(make_recipe(size_px=8), net=net)).repairs)


@pytest.mark.parametrize(
    ("dataset", "side", "says"),
    [
        ("hands", 48, ["48 × 48 px, as"]),
        ("hands", 16, ["16 × 16 px; the net was made for 48 × 48"]),
        ("digits", 48, ["48 × 48 px, as", "8 × 8 px: they are enlarged"]),
    ],
)
def test_what_stands_beside_the_net(dataset, side, says, make_recipe):
    recipe = replace(make_recipe(size_px=side), dataset=dataset, net=NETS["hands48"].net)
    told = describe_picture_size(recipe)
    assert len(told) == len(says) and all(part in text.en for part, text in zip(says, told, strict=True))
