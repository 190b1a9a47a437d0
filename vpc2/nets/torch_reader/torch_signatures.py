"""Signatures of torch's layer classes and functions, and the layer types they correspond to. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.nets.layers.catalog import LAYERS

REQUIRED = ...  # an argument without a default: torch refuses a call without it
_CONV = {"in_channels": ..., "out_channels": ..., "kernel_size": ..., "stride": 1, "padding": 0}
_FACTORY_ARGUMENTS = {"device": None, "dtype": None}
_NORM = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True, **_FACTORY_ARGUMENTS, "bias": True}
_INPLACE_ARGUMENT = {"inplace": False}
# The arguments of torch.nn's classes in their order, each with torch's own default, which holds where code leaves one out.
CLASS_DEFAULTS: dict[str, dict[str, Any]] = {
    "Conv2d": {**_CONV, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros", **_FACTORY_ARGUMENTS},
    "ConvTranspose2d": {
        **_CONV, "output_padding": 0, "groups": 1, "bias": True, "dilation": 1, "padding_mode": "zeros", **_FACTORY_ARGUMENTS,
    },
    "MaxPool2d": {"kernel_size": ..., "stride": None, "padding": 0, "dilation": 1, "return_indices": False, "ceil_mode": False},
    "AvgPool2d": {
        "kernel_size": ..., "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None,
    },
    "AdaptiveAvgPool2d": {"output_size": ...},
    "AdaptiveMaxPool2d": {"output_size": ..., "return_indices": False},
    "Upsample": {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None, "recompute_scale_factor": None},
    "ReLU": _INPLACE_ARGUMENT,
    "LeakyReLU": {"negative_slope": 0.01, **_INPLACE_ARGUMENT},
    "ReLU6": _INPLACE_ARGUMENT,
    "GELU": {"approximate": "none"},
    "SiLU": _INPLACE_ARGUMENT,
    "Sigmoid": {},
    "Tanh": {},
    "Softmax": {"dim": None},
    "BatchNorm1d": {"num_features": ..., **_NORM},
    "BatchNorm2d": {"num_features": ..., **_NORM},
    "LayerNorm": {"normalized_shape": ..., "eps": 1e-5, "elementwise_affine": True, "bias": True, **_FACTORY_ARGUMENTS},
    "GroupNorm": {"num_groups": ..., "num_channels": ..., "eps": 1e-5, "affine": True, **_FACTORY_ARGUMENTS, "bias": True},
    "LocalResponseNorm": {"size": ..., "alpha": 1e-4, "beta": 0.75, "k": 1.0},
    "Dropout": {"p": 0.5, **_INPLACE_ARGUMENT},
    "Dropout1d": {"p": 0.5, **_INPLACE_ARGUMENT},
    "Dropout2d": {"p": 0.5, **_INPLACE_ARGUMENT},
    "Flatten": {"start_dim": 1, "end_dim": -1},
    "Linear": {"in_features": ..., "out_features": ..., "bias": True, **_FACTORY_ARGUMENTS},
}  # fmt: skip
CLASS_ARGUMENTS: dict[str, tuple[str, ...]] = {name: tuple(arguments) for name, arguments in CLASS_DEFAULTS.items()}
# The functions of torch and torch.nn.functional that are layers: the equivalent class, and their arguments after the image.
FUNCTION_ARGUMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "relu": ("ReLU", ("inplace",)),
    "leaky_relu": ("LeakyReLU", ("negative_slope", "inplace")),
    "relu6": ("ReLU6", ("inplace",)),
    "gelu": ("GELU", ("approximate",)),
    "silu": ("SiLU", ("inplace",)),
    "sigmoid": ("Sigmoid", ()),
    "tanh": ("Tanh", ()),
    "softmax": ("Softmax", ("dim", "_stacklevel", "dtype")),
    "max_pool2d": ("MaxPool2d", ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")),
    "avg_pool2d": ("AvgPool2d", CLASS_ARGUMENTS["AvgPool2d"]),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", ("output_size",)),
    "adaptive_max_pool2d": ("AdaptiveMaxPool2d", ("output_size", "return_indices")),
    "interpolate": ("Upsample", CLASS_ARGUMENTS["Upsample"]),
    "local_response_norm": ("LocalResponseNorm", CLASS_ARGUMENTS["LocalResponseNorm"]),
    "dropout": ("Dropout", ("p", "training", "inplace")),
    "dropout2d": ("Dropout2d", ("p", "training", "inplace")),
    "flatten": ("Flatten", ("start_dim", "end_dim")),
}
# Defaults of functions that differ from those of their classes.
FUNCTION_DEFAULTS: dict[str, dict[str, Any]] = {
    "dropout": {"training": True},
    "dropout2d": {"training": True},
    "flatten": {"start_dim": 0},  # which would flatten the batch too
}
# Methods and functions with an in-place variant: `x.relu_()` is `F.relu(x, inplace=True)`.
IN_PLACE_FUNCTIONS = ("relu", "leaky_relu", "silu", "sigmoid", "tanh", "dropout", "add", "mul")
# Arguments that the layers here do not offer, with the value they always have: torch's own default.
FIXED_ARGUMENTS: dict[str, Any] = {
    "padding_mode": "zeros", "count_include_pad": True, "divisor_override": None, "align_corners": None, "approximate": "none",
    "recompute_scale_factor": None, "eps": 1e-5, "momentum": 0.1, "track_running_stats": True, "alpha": 1e-4, "beta": 0.75,
    "k": 1.0, "dilation": 1, "return_indices": False, "size": None, "start_dim": 1, "end_dim": -1, "bias": True,
}  # fmt: skip
# Other values that are equivalent to such a default.
EQUIVALENT_DEFAULTS: dict[str, tuple[Any, ...]] = {"align_corners": (False,), "recompute_scale_factor": (False,)}
# Those that change shapes: any other value is refused.
SHAPE_ARGUMENTS = ("dilation", "return_indices", "size", "start_dim", "end_dim", "bias")
# Arguments without effect on what is shown.
IGNORED_ARGUMENTS = ("inplace", "device", "dtype", "_stacklevel")


def _layer_kind_of(name: str) -> str:
    """Return the key of the layer type for a class of torch.nn: the first in the table that is built of that class."""
    if name in LAYERS:
        return LAYERS[name].key
    return next(entry.key for entry in LAYERS.values() if name in (entry.target.rpartition(".")[2], entry.flat_target.rpartition(".")[2]))


LAYER_KINDS: dict[str, str] = {name: _layer_kind_of(name) for name in CLASS_ARGUMENTS}
