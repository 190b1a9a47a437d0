"""Brightness, contrast and saturation as defined by torchvision and Pillow; Kornia's classes of these names differ.

Kornia's brightness adds, its contrast multiplies without the mean, its saturation works in HSV. Exported code carries what it uses.
"""

import kornia.augmentation as K
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_saturation_with_gray_subtraction,
)


class RandomBrightness(K.RandomBrightness):
    """Multiplies every pixel by the factor; Kornia adds the factor minus one."""

    def apply_transform(self, input, params, flags, transform=None):
        return adjust_brightness_accumulative(input, params["brightness_factor"])


class RandomContrast(K.RandomContrast):
    """Scales every pixel's distance from the mean of the greyscale picture; Kornia multiplies the pixel."""

    def apply_transform(self, input, params, flags, transform=None):
        return adjust_contrast_with_mean_subtraction(input, params["contrast_factor"])


class RandomSaturation(K.RandomSaturation):
    """Blends the picture with its greyscale; Kornia scales the saturation in HSV."""

    def apply_transform(self, input, params, flags, transform=None):
        return adjust_saturation_with_gray_subtraction(input, params["saturation_factor"])


class RandomSolarizeAdd(K.RandomSolarize):
    """Adds to pixels below one half, as in the policies of Cubuk and others; Kornia also inverts the rest."""

    def apply_transform(self, input, params, flags, transform=None):
        added = (input + params["additions"].to(input).view(-1, 1, 1, 1)).clamp(0, 1)
        return added.where(input < 0.5, input)
