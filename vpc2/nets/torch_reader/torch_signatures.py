"""torch's words for layers: the names and arguments of its classes and functions, and what they are here. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.nets.layers.catalog import LAYERS

REQUIRED = ...  # an argument without a default: torch refuses a call without it
_CONV = {"in_channels": ..., "out_channels": ..., "kernel_size": ..., "stride": 1, "padding": 0}
_MADE_AT = {"device": None, "dtype": None}
_NORM = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True, **_MADE_AT, "bias": True}
_INPLACE = {"inplace": False}
# The arguments of torch.nn's classes in their order, each with torch's own default: it stands where code leaves one out.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Conv2d": {**_CONV, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros", **_MADE_AT},
    "ConvTranspose2d": {
        **_CONV, "output_padding": 0, "groups": 1, "bias": True, "dilation": 1, "padding_mode": "zeros", **_MADE_AT,
    },
    "MaxPool2d": {"kernel_size": ..., "stride": None, "padding": 0, "dilation": 1, "return_indices": False, "ceil_mode": False},
    "AvgPool2d": {
        "kernel_size": ..., "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None,
    },
    "AdaptiveAvgPool2d": {"output_size": ...},
    "AdaptiveMaxPool2d": {"output_size": ..., "return_indices": False},
    "Upsample": {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None, "recompute_scale_factor": None},
    "ReLU": _INPLACE,
    "LeakyReLU": {"negative_slope": 0.01, **_INPLACE},
    "ReLU6": _INPLACE,
    "GELU": {"approximate": "none"},
    "SiLU": _INPLACE,
    "Sigmoid": {},
    "Tanh": {},
    "Softmax": {"dim": None},
    "BatchNorm1d": {"num_features": ..., **_NORM},
    "BatchNorm2d": {"num_features": ..., **_NORM},
    "LayerNorm": {"normalized_shape": ..., "eps": 1e-5, "elementwise_affine": True, "bias": True, **_MADE_AT},
    "GroupNorm": {"num_groups": ..., "num_channels": ..., "eps": 1e-5, "affine": True, **_MADE_AT, "bias": True},
    "LocalResponseNorm": {"size": ..., "alpha": 1e-4, "beta": 0.75, "k": 1.0},
    "Dropout": {"p": 0.5, **_INPLACE},
    "Dropout1d": {"p": 0.5, **_INPLACE},
    "Dropout2d": {"p": 0.5, **_INPLACE},
    "Flatten": {"start_dim": 1, "end_dim": -1},
    "Linear": {"in_features": ..., "out_features": ..., "bias": True, **_MADE_AT},
}  # fmt: skip
CLASSES: dict[str, tuple[str, ...]] = {name: tuple(arguments) for name, arguments in ARGUMENTS.items()}
# The functions of torch and torch.nn.functional that are layers: the class that does the same, and their arguments behind the picture.
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
# What the functions take by default where their classes take something else.
FUNCTION_DEFAULTS: dict[str, dict[str, Any]] = {
    "dropout": {"training": True},
    "dropout2d": {"training": True},
    "flatten": {"start_dim": 0},  # which would lay the batch out too
}
# Methods and functions that write into what they are given: `x.relu_()` is `F.relu(x, inplace=True)`.
IN_PLACE = ("relu", "leaky_relu", "silu", "sigmoid", "tanh", "dropout", "add", "mul")
# What has no knob here, and what stands in its place: torch's own default.
DEFAULTS: dict[str, Any] = {
    "padding_mode": "zeros", "count_include_pad": True, "divisor_override": None, "align_corners": None, "approximate": "none",
    "recompute_scale_factor": None, "eps": 1e-5, "momentum": 0.1, "track_running_stats": True, "alpha": 1e-4, "beta": 0.75,
    "k": 1.0, "dilation": 1, "return_indices": False, "size": None, "start_dim": 1, "end_dim": -1, "bias": True,
}  # fmt: skip
# Other ways to write such a default.
ALSO: dict[str, tuple[Any, ...]] = {"align_corners": (False,), "recompute_scale_factor": (False,)}
# Of those, what changes shapes: no other value can be read.
SHAPING = ("dilation", "return_indices", "size", "start_dim", "end_dim", "bias")
# What changes nothing that is shown here.
SILENT = ("inplace", "device", "dtype", "_stacklevel")


def _kind_of(name: str) -> str:
    """Return the layer that a class of torch.nn is here: the first of the table that is built of it."""
    if name in LAYERS:
        return LAYERS[name].key
    return next(entry.key for entry in LAYERS.values() if name in (entry.target.rpartition(".")[2], entry.flat_target.rpartition(".")[2]))


KINDS: dict[str, str] = {name: _kind_of(name) for name in CLASSES}
