"""Cached computations of the Build page's tab See it: effective receptive field, feature maps, and one window in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from vpc2 import codec
from vpc2.nets.inspection.kernels import KERNELS, POOLINGS, geometry_of
from vpc2.nets.spec import Net
from vpc2.nets.summary.summarise import summarise
from vpc2.ui.computed import augmented

if TYPE_CHECKING:
    from vpc2.nets.inspection.activations import FeatureMaps
    from vpc2.nets.inspection.effective_field import EffectiveField
    from vpc2.nets.inspection.window import CloseUp

Photo = dict[str, Any]
Unit = tuple[int, int]
PHOTO_PX = 640
MAX_MAPS = 64  # in one sheet
SHEET_COLUMNS, SHEET_PX, LARGE_PX = 8, 96, 480


def _token(net: Net, layer_id: str) -> str:
    """Return the cache key of a net up to a layer; later layers do not affect the result."""
    from vpc2.nets.inspection.activations import prefix_of

    return codec.to_token(replace(prefix_of(net, layer_id), name=""))


def resized_photo(photo: Photo, shape: tuple[int, int, int]) -> bytes:
    """Return a photograph as JPEG with the aspect ratio and channels of the net's input, but a higher resolution."""
    return _resized_photo(photo["digest"], shape, photo["pixels"])


@st.cache_data(max_size="16MB", show_spinner=False)
def _resized_photo(image_key: str, shape: tuple[int, int, int], _pixels: np.ndarray) -> bytes:
    from vpc2.images.encode import to_jpeg
    from vpc2.nets.inspection.activations import fit_photo

    channels, height, width = shape
    scale = PHOTO_PX / max(height, width)
    return to_jpeg(fit_photo(_pixels, (channels, max(1, round(height * scale)), max(1, round(width * scale)))).expand(3, -1, -1))


def compute_effective_field(net: Net, layer_id: str, unit: Unit) -> EffectiveField:
    """Return the effective receptive field of a unit, from gradients; raises `Refusal` if the net cannot be run."""
    return _compute_effective_field(_token(net, layer_id), layer_id, unit, net)


@st.cache_data(max_size="32MB", show_spinner=False)
def _compute_effective_field(token: str, layer_id: str, unit: Unit, _net: Net) -> EffectiveField:
    from vpc2.nets.inspection.effective_field import effective_field

    with augmented.computation_slot():
        return effective_field(_net, layer_id, unit)


def gradient_overlay(photo: Photo, net: Net, field: EffectiveField) -> bytes:
    """Return the photograph as the net's input, in grey, with the gradient as a heat map over it, as PNG."""
    from vpc2.images.encode import resize_pixels, to_png
    from vpc2.nets.inspection.activations import fit_photo, to_heat

    return to_png(resize_pixels(to_heat(fit_photo(photo["pixels"], net.input), field.heat), PHOTO_PX))


def compute_feature_maps(net: Net, layer_id: str, photo: Photo, seed: int, first: int, together: bool) -> FeatureMaps:
    """Return the feature maps of one layer for a photograph, from channel `first` on; raises `Refusal` if the net cannot be run."""
    return _compute_feature_maps(_token(net, layer_id), layer_id, photo["digest"], seed, first, together, net, photo["pixels"])


@st.cache_data(max_size="64MB", show_spinner=False)
def _compute_feature_maps(
    token: str, layer_id: str, image_key: str, seed: int, first: int, together: bool, _net: Net, _pixels: np.ndarray
) -> FeatureMaps:
    from vpc2.nets.inspection.activations import fit_photo, run_photo, to_feature_maps, to_size

    with augmented.computation_slot():
        passage = run_photo(_net, layer_id, fit_photo(_pixels, _net.input), seed=seed)
        maps = to_feature_maps(passage.output, first=first, limit=MAX_MAPS, together=together)
    if max(maps.maps.shape[1:]) > LARGE_PX:  # cached no larger than displayed
        return replace(maps, maps=np.stack([to_size(feature_map, LARGE_PX) for feature_map in maps.maps]))
    return maps


def feature_map_sheet(maps: FeatureMaps) -> bytes:
    """Return all feature maps side by side as PNG."""
    from vpc2.nets.inspection.activations import to_sheet

    return _grey_png(to_sheet(maps.maps, min(SHEET_COLUMNS, len(maps.maps)), SHEET_PX))


def enlarged_map(feature_map: np.ndarray) -> bytes:
    """Return one feature map, enlarged, as PNG."""
    from vpc2.nets.inspection.activations import to_size

    return _grey_png(to_size(feature_map, LARGE_PX))


def array_png(plane: Any) -> bytes:
    """Return a 2-d array as PNG, its minimum black and its maximum white."""
    from vpc2.images.encode import resize_pixels
    from vpc2.nets.inspection.activations import to_grey

    return _grey_png(resize_pixels(to_grey(plane), PHOTO_PX))


def _grey_png(grey: np.ndarray) -> bytes:
    from vpc2.images.encode import to_png

    return to_png(np.repeat(grey[..., None], 3, axis=2))


def window_on_photo(net: Net, layer_id: str, photo: Photo, unit: Unit, kernel: str) -> CloseUp:
    """Return a layer's window over the photograph in grey (integers 0 to 255); for a convolution with the example kernel `kernel`."""
    return _window_on_photo(_token(net, layer_id), layer_id, photo["digest"], unit, kernel, net, photo["pixels"])


@st.cache_data(max_size="16MB", show_spinner=False)
def _window_on_photo(token: str, layer_id: str, image_key: str, unit: Unit, kernel: str, _net: Net, _pixels: np.ndarray) -> CloseUp:
    from vpc2.nets.inspection import window
    from vpc2.nets.inspection.activations import fit_photo

    facts = summarise(_net).facts(layer_id)
    assert facts.input is not None
    plane = fit_photo(_pixels, (1, *facts.input[1:]))[0].mul(255).round()
    if not kernel:
        return window.close_up(facts, plane, unit)
    entry = KERNELS[kernel]
    weights = window.example_kernel(entry, geometry_of(facts).kernel)
    return window.close_up(facts, plane, unit, weights, divisor=entry.divisor)


def window_on_channel(
    net: Net, layer_id: str, photo: Photo, unit: Unit, seed: int, filter_: int, channel: int
) -> tuple[CloseUp, int, bool]:
    """Return a layer's window over one channel of its real input, the channel, and whether that channel alone makes up the output."""
    return _window_on_channel(_token(net, layer_id), layer_id, photo["digest"], unit, seed, filter_, channel, net, photo["pixels"])


@st.cache_data(max_size="32MB", show_spinner=False)
def _window_on_channel(
    token: str, layer_id: str, image_key: str, unit: Unit, seed: int, filter_: int, channel: int, _net: Net, _pixels: np.ndarray
) -> tuple[CloseUp, int, bool]:
    from torch import nn

    from vpc2.nets.inspection import window
    from vpc2.nets.inspection.activations import fit_photo, run_photo

    facts = summarise(_net).facts(layer_id)
    with augmented.computation_slot():
        passage = run_photo(_net, layer_id, fit_photo(_pixels, _net.input), seed=seed)
    if facts.kind in POOLINGS:
        return window.close_up(facts, passage.input[channel].clone(), unit), channel, True
    assert isinstance(passage.module, nn.Conv2d)
    kernel, channel, bias = window.own_kernel(passage.module, filter_, channel)
    close_up = window.close_up(facts, passage.input[channel].clone(), unit, kernel, bias=bias or 0.0)
    return close_up, channel, bias is not None
