"""Conversion of images between arrays, tensors and files."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vpc2.images.encode import resize_pixels, resize_square, to_jpeg, to_pixels, to_png, to_tensor

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_a_tensor_and_back_is_the_same_picture():
    tensor = to_tensor(PIXELS)
    assert tensor.shape == (3, 20, 30) and tensor.dtype == torch.float32 and tensor.min() >= 0 and tensor.max() <= 1
    assert tensor[1, 2, 3].item() == pytest.approx(PIXELS[2, 3, 1] / 255)
    assert (to_pixels(tensor) == PIXELS).all()


def test_what_lies_outside_zero_to_one_is_cut():
    assert to_pixels(torch.tensor([-1.0, 0.5, 2.0]).view(3, 1, 1)).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("image", [PIXELS, to_tensor(PIXELS)], ids=["pixels", "tensor"])
def test_png_keeps_every_pixel_and_jpeg_nearly(image):
    assert (np.asarray(Image.open(io.BytesIO(to_png(image)))) == PIXELS).all()
    smooth = np.asarray(Image.fromarray(PIXELS[:4, :4]).resize((64, 64), Image.Resampling.BICUBIC))
    decoded = np.asarray(Image.open(io.BytesIO(to_jpeg(smooth))))
    assert np.abs(decoded.astype(int) - smooth).mean() < 6


def test_scaling_down_keeps_the_proportions_and_never_scales_up():
    assert resize_pixels(PIXELS, 15).shape == (10, 15, 3)
    assert resize_pixels(PIXELS, 100) is PIXELS
    assert resize_pixels(np.zeros((1000, 2, 3), np.uint8), 100).shape == (100, 1, 3)
    assert resize_square(PIXELS, 16).shape == (16, 16, 3)
