"""Where a run stands, whole: weights, optimiser, generators, place in the plan. A run that goes on from here ends where it would have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from vpc2.files import atomic_write
from vpc2.text import Refusal, Text
from vpc2.training.runs.file_names import CHECKPOINT_NAME
from vpc2.version import APP

_FORMAT = 1

_UNUSABLE = Text("The checkpoint of this run cannot be used (it is damaged, or of another version): clone the run to start it afresh.")


def write_checkpoint(folder: Path, tensors: dict[str, Tensor], place: dict[str, Any]) -> None:
    """Write tensors and plain values as the run's checkpoint, whole or not at all.

    Without waiting for the disk: it outlives a killed process, and a machine that loses its power loses one epoch more.
    """
    text = json.dumps({"format": _FORMAT, **place})
    told = {"place": text, "app": APP}
    data = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, told)
    atomic_write(folder / CHECKPOINT_NAME, data, is_synced=False)


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return what `write_checkpoint` wrote, or None where there is none. Raises `Refusal` for one that cannot be used."""
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            place = json.loads((file.metadata() or {}).get("place", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (safetensors.SafetensorError, ValueError):
        raise Refusal(_UNUSABLE) from None
    if place.get("format") != _FORMAT:
        raise Refusal(_UNUSABLE)
    return tensors, place


def pack_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's memory as tensors called `parameter.name`; what is no tensor (or None) is told by its absence."""
    return {
        f"{number}.{name}": value
        for number, own in optimiser.state_dict()["state"].items()
        for name, value in own.items()
        if isinstance(value, Tensor)
    }


def unpack_optimiser(optimiser: torch.optim.Optimizer, packed: dict[str, Tensor]) -> None:
    """Give an optimiser its memory back, each tensor laid out in memory as the weights it belongs to.

    Fused optimisers walk weight, gradient and memory side by side as they lie in memory, whatever their strides say: next to a
    weight in channels_last, a momentum that a file brought back contiguous would move other weights than its own.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in packed.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = laid_out_as(parameters[int(number)], value)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """Return a value with the strides of a parameter of the same shape; of another shape (a counter, a mean of rows), as it is."""
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device, requires_grad=False).copy_(value)


def pack_generators(device: torch.device) -> dict[str, Tensor]:
    """Return the state of torch's own generators: the one of the CPU, and that of the device where it has one (dropout draws from it)."""
    states = {"global": torch.random.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def unpack_generators(device: torch.device, states: dict[str, Tensor]) -> None:
    """Put torch's own generators where `pack_generators` found them; on another kind of device its own goes on as it is."""
    torch.random.set_rng_state(states["global"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with a prefix before their names."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def of(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under a prefix, without it."""
    return {name.removeprefix(f"{prefix}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")}
