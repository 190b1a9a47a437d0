"""Automatic policies with one strength for every operation, from 0 to 1: a higher strength changes more.

In Kornia's own tables, solarise and AutoAugment's posterise get weaker with strength, colour, contrast, brightness and sharpness pass
through no change half way, and shear reaches 54 instead of 17 degrees. These are torchvision's ranges, over Kornia's lists of operations.
Exported code carries what it uses.
"""

import math

import kornia.augmentation as K
import torch
from kornia.augmentation.auto import operations
from kornia.augmentation.auto.operations.policy import PolicySequential
from kornia.augmentation.container.params import ParamItem

from vpc2.augment.custom.colour import RandomBrightness, RandomContrast, RandomSaturation, RandomSolarizeAdd

CONSTRUCTORS = {
    "auto_contrast": lambda p: operations.AutoContrast(p),
    "equalize": lambda p: operations.Equalize(p),
    "invert": lambda p: operations.Invert(p),
    "rotate": lambda p: operations.Rotate(None, p),
    "posterize": lambda p: operations.Posterize(None, p),
    "solarize": lambda p: operations.Solarize(None, p),
    "solarize_add": lambda p: with_augmentation(operations.SolarizeAdd(None, p), RandomSolarizeAdd(0.5, (0.0, 0.5), p=p)),
    "color": lambda p: with_augmentation(operations.Saturate(None, p), RandomSaturation((0.0, 2.0), p=p)),
    "contrast": lambda p: with_augmentation(operations.Contrast(None, p), RandomContrast((0.0, 2.0), p=p)),
    "brightness": lambda p: with_augmentation(operations.Brightness(None, p), RandomBrightness((0.0, 2.0), p=p)),
    "sharpness": lambda p: operations.Sharpness(None, p),
    "shear_x": lambda p: operations.ShearX(None, p),
    "shear_y": lambda p: operations.ShearY(None, p),
    "translate_x": lambda p: operations.TranslateX(None, p),
    "translate_y": lambda p: operations.TranslateY(None, p),
}
# The value for a strength (0 to 1), a sign (-1 or 1) and the size; torchvision's ranges, and Cubuk and others' for the addition.
VALUES = {
    "degrees": lambda strength, sign, height, width: 30 * strength * sign,
    "shear_x": lambda strength, sign, height, width: math.degrees(math.atan(0.3 * strength)) * sign,
    "shear_y": lambda strength, sign, height, width: math.degrees(math.atan(0.3 * strength)) * sign,
    "translate_x": lambda strength, sign, height, width: 150 / 331 * strength * sign * width,
    "translate_y": lambda strength, sign, height, width: 150 / 331 * strength * sign * height,
    "brightness_factor": lambda strength, sign, height, width: 1 + 0.9 * strength * sign,
    "contrast_factor": lambda strength, sign, height, width: 1 + 0.9 * strength * sign,
    "saturation_factor": lambda strength, sign, height, width: 1 + 0.9 * strength * sign,
    "sharpness": lambda strength, sign, height, width: 1 + 0.9 * strength * sign,
    "bits_factor": lambda strength, sign, height, width: 8 - round(4 * strength),
    "thresholds": lambda strength, sign, height, width: 1 - strength,
    "additions": lambda strength, sign, height, width: 110 / 256 * strength,
}


def with_augmentation(operation, augmentation):
    """Return Kornia's operation of a policy with another augmentation inside."""
    operation.op = augmentation
    return operation


def sample(operation, strength, batch_shape):
    """Return the values of one operation at a strength, each picture with a sign of its own."""
    params = operation.op.forward_parameters(batch_shape)
    name = operation._factor_name
    if name is not None:
        signs = torch.randint(2, (batch_shape[0],)).mul(2).sub(1).tolist()
        values = [VALUES[name](strength, sign, *batch_shape[-2:]) for sign in signs]
        params[name] = torch.tensor(values, dtype=params[name].dtype)
    return params


class RandAugment(K.auto.RandAugment):
    """A number of operations at one strength, `m` of 30."""

    def compose_subpolicy_sequential(self, subpolicy):
        return PolicySequential(CONSTRUCTORS[subpolicy[0][0]](1.0))

    def forward_parameters(self, batch_shape):
        return [
            ParamItem(name, [ParamItem(child, sample(operation, self.m / 30, batch_shape)) for child, operation in policy.named_children()])
            for name, policy in self.get_forward_sequence()
        ]


class TrivialAugment(K.auto.TrivialAugment):
    """One operation, at a random strength."""

    def compose_subpolicy_sequential(self, subpolicy):
        return PolicySequential(CONSTRUCTORS[subpolicy[0][0]](1.0))

    def forward_parameters(self, batch_shape):
        strength = int(torch.randint(31, ())) / 30
        return [
            ParamItem(name, [ParamItem(child, sample(operation, strength, batch_shape)) for child, operation in policy.named_children()])
            for name, policy in self.get_forward_sequence()
        ]


class AutoAugment(K.auto.AutoAugment):
    """A pair of operations, each with the probability and the strength, 0 to 9, found by the search."""

    def compose_subpolicy_sequential(self, subpolicy):
        policy = PolicySequential(*(CONSTRUCTORS[name](probability) for name, probability, _strength in subpolicy))
        policy.strengths = [(strength or 0) / 9 for _name, _probability, strength in subpolicy]
        return policy

    def forward_parameters(self, batch_shape):
        return [
            ParamItem(
                name,
                [
                    ParamItem(child, sample(operation, strength, batch_shape))
                    for (child, operation), strength in zip(policy.named_children(), policy.strengths, strict=True)
                ],
            )
            for name, policy in self.get_forward_sequence()
        ]
