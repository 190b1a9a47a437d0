"""Everything Kornia has for pictures is in a table, or left out for a reason that is written here."""

import inspect

import kornia.augmentation as augmentation
import kornia.augmentation.auto as auto
import pytest

from vpc2.augment.mixes import MIXES
from vpc2.augment.operations.catalog import OPS

LEFT_OUT = {
    "CenterCrop": "changes the size, and nothing of it is random: a batch must keep its shape",
    "PadTo": "changes the size, and nothing of it is random",
    "Resize": "changes the size, and nothing of it is random: pictures come in the size the net takes",
    "LongestMaxSize": "changes the size, and nothing of it is random",
    "SmallestMaxSize": "changes the size, and nothing of it is random",
    "Normalize": "leaves [0, 1]; a classifier normalises by itself",
    "Denormalize": "leaves [0, 1]; a classifier normalises by itself",
    "RandomDissolving": "downloads a diffusion model of gigabytes when it is built",
    "RandomTransplantation": "moves objects by their masks, of which a photograph has none here",
}
# What is no operation on one picture or on a batch of pictures.
CONTAINERS = ("Sequential", "Dispather", "Base2D", "Base3D", "BaseV2", "AugmentBase")


def classes():
    for module in (augmentation, auto):
        for name, found in vars(module).items():
            if inspect.isclass(found) and not name.startswith("_") and not name.endswith(CONTAINERS) and not name.endswith("3D"):
                yield name


@pytest.mark.parametrize("name", sorted(set(classes())))
def test_a_class_of_kornia_is_in_a_table_or_left_out_for_a_reason(name):
    assert (name in OPS) + (name in MIXES) + (name in LEFT_OUT) == 1


def test_nothing_is_left_out_that_kornia_no_longer_has():
    assert set(LEFT_OUT) <= set(classes())
    assert len(set(classes())) > 50
