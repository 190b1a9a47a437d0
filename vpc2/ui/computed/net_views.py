"""What the view "See it" shows, computed once and kept: gradients, activations, and one window in numbers."""

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
MOST_MAPS = 64  # in one sheet
SHEET_COLUMNS, SHEET_PX, LARGE_PX = 8, 96, 480


def _token(net: Net, layer_id: str) -> str:
    """Return what stands for a net up to a layer in the keys of kept results: what comes after it changes nothing."""
    from vpc2.nets.inspection.activations import prefix_of

    return codec.to_token(replace(prefix_of(net, layer_id), name=""))


def photographed(photo: Photo, shape: tuple[int, int, int]) -> bytes:
    """Return a photograph as JPEG, stretched and coloured as the net's input is, but with more pixels."""
    return _photographed(photo["digest"], shape, photo["pixels"])


@st.cache_data(max_size="16MB", show_spinner=False)
def _photographed(image_key: str, shape: tuple[int, int, int], _pixels: np.ndarray) -> bytes:
    from vpc2.images.encode import to_jpeg
    from vpc2.nets.inspection.activations import fit_photo

    channels, height, width = shape
    scale = PHOTO_PX / max(height, width)
    return to_jpeg(fit_photo(_pixels, (channels, max(1, round(height * scale)), max(1, round(width * scale)))).expand(3, -1, -1))


def effective(net: Net, layer_id: str, unit: Unit) -> EffectiveField:
    """Return how much each input pixel moves a unit; raises `Refusal` as the net does."""
    return _effective(_token(net, layer_id), layer_id, unit, net)


@st.cache_data(max_size="32MB", show_spinner=False)
def _effective(token: str, layer_id: str, unit: Unit, _net: Net) -> EffectiveField:
    from vpc2.nets.inspection.effective_field import effective_field

    with augmented.computing():
        return effective_field(_net, layer_id, unit)


def heated(photo: Photo, net: Net, found: EffectiveField) -> bytes:
    """Return the photograph as the net gets it, in grey, under the heat of a gradient, as PNG."""
    from vpc2.images.encode import resize_pixels, to_png
    from vpc2.nets.inspection.activations import fit_photo, to_heat

    return to_png(resize_pixels(to_heat(fit_photo(photo["pixels"], net.input), found.heat), PHOTO_PX))


def activated(net: Net, layer_id: str, photo: Photo, seed: int, first: int, together: bool) -> FeatureMaps:
    """Return one layer's maps for a photograph; raises `Refusal` as the net does."""
    return _activated(_token(net, layer_id), layer_id, photo["digest"], seed, first, together, net, photo["pixels"])


@st.cache_data(max_size="64MB", show_spinner=False)
def _activated(
    token: str, layer_id: str, image_key: str, seed: int, first: int, together: bool, _net: Net, _pixels: np.ndarray
) -> FeatureMaps:
    from vpc2.nets.inspection.activations import fit_photo, run_photo, to_feature_maps, to_size

    with augmented.computing():
        passage = run_photo(_net, layer_id, fit_photo(_pixels, _net.input), seed=seed)
        maps = to_feature_maps(passage.output, first=first, most=MOST_MAPS, together=together)
    if max(maps.maps.shape[1:]) > LARGE_PX:  # what is kept is no larger than what is shown
        return replace(maps, maps=np.stack([to_size(one, LARGE_PX) for one in maps.maps]))
    return maps


def sheet_of(maps: FeatureMaps) -> bytes:
    """Return all maps side by side as PNG."""
    from vpc2.nets.inspection.activations import to_sheet

    return _grey_png(to_sheet(maps.maps, min(SHEET_COLUMNS, len(maps.maps)), SHEET_PX))


def enlarged(one: np.ndarray) -> bytes:
    """Return one map, large, as PNG."""
    from vpc2.nets.inspection.activations import to_size

    return _grey_png(to_size(one, LARGE_PX))


def plane_png(plane: Any) -> bytes:
    """Return a plane of numbers as PNG, its lowest black and its highest white."""
    from vpc2.images.encode import resize_pixels
    from vpc2.nets.inspection.activations import to_grey

    return _grey_png(resize_pixels(to_grey(plane), PHOTO_PX))


def _grey_png(grey: np.ndarray) -> bytes:
    from vpc2.images.encode import to_png

    return to_png(np.repeat(grey[..., None], 3, axis=2))


def window_on_photo(net: Net, layer_id: str, photo: Photo, unit: Unit, kernel: str) -> CloseUp:
    """Return a layer's window over the photograph in grey, whole numbers from 0 to 255, with a known kernel where it is a convolution."""
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


def window_inside(net: Net, layer_id: str, photo: Photo, unit: Unit, seed: int, filter_: int, channel: int) -> tuple[CloseUp, int, bool]:
    """Return a layer's window over one channel of what it really gets, that channel, and whether the sum is all that comes out."""
    return _window_inside(_token(net, layer_id), layer_id, photo["digest"], unit, seed, filter_, channel, net, photo["pixels"])


@st.cache_data(max_size="32MB", show_spinner=False)
def _window_inside(
    token: str, layer_id: str, image_key: str, unit: Unit, seed: int, filter_: int, channel: int, _net: Net, _pixels: np.ndarray
) -> tuple[CloseUp, int, bool]:
    from torch import nn

    from vpc2.nets.inspection import window
    from vpc2.nets.inspection.activations import fit_photo, run_photo

    facts = summarise(_net).facts(layer_id)
    with augmented.computing():
        passage = run_photo(_net, layer_id, fit_photo(_pixels, _net.input), seed=seed)
    if facts.kind in POOLINGS:
        return window.close_up(facts, passage.input[channel].clone(), unit), channel, True
    assert isinstance(passage.module, nn.Conv2d)
    kernel, channel, bias = window.own_kernel(passage.module, filter_, channel)
    shown = window.close_up(facts, passage.input[channel].clone(), unit, kernel, bias=bias or 0.0)
    return shown, channel, bias is not None
