"""torch's words for layers: the names and arguments of its classes and functions, and what they are here. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.nets.layers import LAYERS

_NORM = ("eps", "momentum", "affine", "track_running_stats", "device", "dtype", "bias")
_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
# The arguments of torch.nn's classes in their order.
CLASSES: dict[str, tuple[str, ...]] = {
    "Conv2d": (*_CONV, "dilation", "groups", "bias", "padding_mode", "device", "dtype"),
    "ConvTranspose2d": (*_CONV, "output_padding", "groups", "bias", "dilation", "padding_mode", "device", "dtype"),
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
    "AvgPool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    "AdaptiveAvgPool2d": ("output_size",),
    "AdaptiveMaxPool2d": ("output_size", "return_indices"),
    "Upsample": ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor"),
    "ReLU": ("inplace",),
    "LeakyReLU": ("negative_slope", "inplace"),
    "ReLU6": ("inplace",),
    "GELU": ("approximate",),
    "SiLU": ("inplace",),
    "Sigmoid": (),
    "Tanh": (),
    "Softmax": ("dim",),
    "BatchNorm1d": ("num_features", *_NORM),
    "BatchNorm2d": ("num_features", *_NORM),
    "LayerNorm": ("normalized_shape", "eps", "elementwise_affine", "bias", "device", "dtype"),
    "GroupNorm": ("num_groups", "num_channels", "eps", "affine", "device", "dtype", "bias"),
    "LocalResponseNorm": ("size", "alpha", "beta", "k"),
    "Dropout": ("p", "inplace"),
    "Dropout1d": ("p", "inplace"),
    "Dropout2d": ("p", "inplace"),
    "Flatten": ("start_dim", "end_dim"),
    "Linear": ("in_features", "out_features", "bias", "device", "dtype"),
}
# The functions of torch and torch.nn.functional that are layers, and their arguments behind the picture.
FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "relu": ("ReLU", ("inplace",)),
    "leaky_relu": ("LeakyReLU", ("negative_slope", "inplace")),
    "relu6": ("ReLU6", ("inplace",)),
    "gelu": ("GELU", ("approximate",)),
    "silu": ("SiLU", ("inplace",)),
    "sigmoid": ("Sigmoid", ()),
    "tanh": ("Tanh", ()),
    "softmax": ("Softmax", ("dim", "_stacklevel", "dtype")),
    "max_pool2d": ("MaxPool2d", ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")),
    "avg_pool2d": ("AvgPool2d", CLASSES["AvgPool2d"]),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", ("output_size",)),
    "adaptive_max_pool2d": ("AdaptiveMaxPool2d", ("output_size", "return_indices")),
    "interpolate": ("Upsample", CLASSES["Upsample"]),
    "local_response_norm": ("LocalResponseNorm", CLASSES["LocalResponseNorm"]),
    "dropout": ("Dropout", ("p", "training", "inplace")),
    "dropout2d": ("Dropout2d", ("p", "training", "inplace")),
    "flatten": ("Flatten", ("start_dim", "end_dim")),
}
# torch's own values of what has no knob here.
DEFAULTS: dict[str, Any] = {
    "padding_mode": "zeros", "count_include_pad": True, "divisor_override": None, "align_corners": None, "approximate": "none",
    "recompute_scale_factor": None, "eps": 1e-5, "momentum": 0.1, "track_running_stats": True, "alpha": 1e-4, "beta": 0.75,
    "k": 1.0, "dilation": 1, "return_indices": False, "size": None, "start_dim": 1, "end_dim": -1, "bias": True,
}  # fmt: skip
# Of those, what changes shapes: no other value can be read.
SHAPING = ("dilation", "return_indices", "size", "start_dim", "end_dim", "bias")
# What changes nothing that is shown here.
SILENT = ("inplace", "device", "dtype", "training", "_stacklevel")


def _kind_of(name: str) -> str:
    """Return the layer that a class of torch.nn is here: the first of the table that is built of it."""
    if name in LAYERS:
        return LAYERS[name].key
    return next(entry.key for entry in LAYERS.values() if name in (entry.target.rpartition(".")[2], entry.flat_target.rpartition(".")[2]))


KINDS: dict[str, str] = {name: _kind_of(name) for name in CLASSES}
