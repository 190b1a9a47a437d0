"""Checkpoints: the complete training state (weights, optimiser, random generators, position in the schedule).

A run resumed from a checkpoint ends with the same weights as an uninterrupted one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vpc2.system.files import atomic_write
from vpc2.text import Refusal, Text
from vpc2.training.runs.file_names import CHECKPOINT_NAME
from vpc2.version import APP

_FORMAT = 1

_UNUSABLE = Text("The checkpoint of this run cannot be used (it is damaged, or of another version): clone the run to start it afresh.")


def write_checkpoint(folder: Path, tensors: dict[str, Tensor], position: dict[str, Any]) -> None:
    """Write tensors and JSON values as the run's checkpoint, atomically.

    The file is not synced to disk: it survives a killed process, and a power failure costs at most one more epoch.
    """
    metadata = {"place": json.dumps({"format": _FORMAT, **position}), "app": APP}
    data = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, metadata)
    atomic_write(folder / CHECKPOINT_NAME, data, is_synced=False)


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and values of the checkpoint, or None if there is none. Raises `Refusal` for a damaged or incompatible one."""
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            position = json.loads((file.metadata() or {}).get("place", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (safetensors.SafetensorError, ValueError):
        raise Refusal(_UNUSABLE) from None
    if position.get("format") != _FORMAT:
        raise Refusal(_UNUSABLE)
    return tensors, position


def pack_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state as tensors named `<parameter index>.<name>`; values that are not tensors are omitted."""
    return {
        f"{number}.{name}": value
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def unpack_optimiser(optimiser: torch.optim.Optimizer, stored: dict[str, Tensor]) -> None:
    """Restore an optimiser's state, each tensor with the memory layout of its parameter.

    Fused optimisers traverse parameter, gradient and state in storage order, ignoring strides: next to a channels_last parameter, a
    contiguous momentum loaded from a file would be applied to the wrong weights.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in stored.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = with_layout_of(parameters[int(number)], value)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def with_layout_of(parameter: Tensor, value: Tensor) -> Tensor:
    """Return a tensor with the strides of a parameter of the same shape; a tensor of another shape (such as a step count) is unchanged."""
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device, requires_grad=False).copy_(value)


def pack_generators(device: torch.device) -> dict[str, Tensor]:
    """Return the state of torch's global generators: the CPU's, and the device's if it has one (dropout draws from it)."""
    states = {"global": torch.random.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def unpack_generators(device: torch.device, states: dict[str, Tensor]) -> None:
    """Restore torch's global generators from `pack_generators`; the generator of another kind of device is not changed."""
    torch.random.set_rng_state(states["global"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with `prefix/` added to their names."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix/`, with the prefix removed."""
    return {name.removeprefix(f"{prefix}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")}
