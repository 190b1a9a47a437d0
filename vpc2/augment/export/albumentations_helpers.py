"""Classes that exported Albumentations code needs besides Albumentations' own transforms: the scripts carry what they use."""

import math

import albumentations as A
import cv2
import numpy as np


class Affine(A.Affine):
    """Shears before it rotates, and translates by fractions of a pixel; A.Affine rotates first and translates by whole pixels."""

    def get_params_dependent_on_data(self, params, data):
        height, width = params["shape"][:2]
        draw = self.py_random.uniform
        scale = draw(*self.scale["x"])
        angle = math.radians(draw(*self.rotate))
        rotation = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        shear = np.array([[1, -math.tan(math.radians(draw(*self.shear["x"])))], [0, 1]])
        shift = [draw(*self.translate_percent[axis]) * side for axis, side in (("x", width), ("y", height))]
        matrix = self.about_centre((width / 2 - 0.5, height / 2 - 0.5), rotation @ shear, shift)
        box_matrix = self.about_centre((width / 2, height / 2), rotation @ shear, shift)
        scales = {"x": scale, "y": scale}
        return {"rotate": angle, "scale": scales, "matrix": matrix, "bbox_matrix": box_matrix, "output_shape": (height, width)}

    @staticmethod
    def about_centre(centre, linear, shift):
        """Return the 3 x 3 matrix of a linear map about a centre, and of a shift after it."""
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = np.array(centre) + shift - linear @ centre
        return matrix


def apply_to_uint8(image, function):
    """Return an image, float in [0, 1], after a function of uint8 images."""
    return function((image * 255).round().astype(np.uint8)).astype(np.float32) / 255


class Equalize(A.Equalize):
    """Equalizes the histogram of each channel as Pillow and torchvision do; A.Equalize rounds differently in both of its modes."""

    def apply(self, img, **params):
        return apply_to_uint8(img, lambda pixels: np.stack([self.equalize_channel(pixels[..., i]) for i in range(3)], axis=-1))

    @staticmethod
    def equalize_channel(channel):
        counts = np.bincount(channel.ravel(), minlength=256)
        step = (counts.sum() - counts[counts > 0][-1]) // 255
        below = np.cumsum(counts) - counts
        return channel if step == 0 else ((step // 2 + below) // step).clip(0, 255).astype(np.uint8)[channel]


class CLAHE(A.CLAHE):
    """Works on red, green and blue, and pads the tiles minimally, as Kornia does; A.CLAHE works on the lightness of LAB."""

    def apply(self, img, clip_limit, **params):
        clahe, (height, width) = cv2.createCLAHE(clip_limit, self.tile_grid_size), img.shape[:2]
        below, beside = (-side % tiles for side, tiles in zip((height, width), self.tile_grid_size, strict=True))
        padded = cv2.copyMakeBorder(img, 0, below, 0, beside, cv2.BORDER_REFLECT_101)
        equalized = apply_to_uint8(padded, lambda pixels: np.stack([clahe.apply(pixels[..., i].copy()) for i in range(3)], axis=-1))
        return equalized[:height, :width]


class ImageCompression(A.ImageCompression):
    """Compresses RGB; A.ImageCompression swaps red and blue, and JPEG gives blue fewer bits."""

    def apply(self, img, quality, image_type, **params):
        swapped = super().apply(np.ascontiguousarray(img[..., ::-1]), quality, image_type, **params)
        return np.ascontiguousarray(swapped[..., ::-1])
