"""Applying a pipeline to pictures: random values are sampled once, under a lock, and applied outside it.

Kornia samples on the CPU, so a draw is the same on every device; only the arithmetic runs on the accelerator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from kornia.augmentation import GeometricAugmentationBase2D
from kornia.augmentation.container.params import ParamItem
from torch import Tensor

from vpc2.augment.draw_cache import DrawCache, stage_names
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.operations.operation import Operation
from vpc2.augment.spec import Pipeline, Step
from vpc2.rng import drawing, seed_of
from vpc2.text import Text

_TOO_SMALL = Text("left out: the picture is smaller than {side} px")


Samples = dict[str, Tensor] | list[ParamItem]  # what an operation drew by Kornia's names, or a policy


class Augmentation(Protocol):
    """What all of Kornia's augmentations, and its policies, have in common: values are drawn first, then applied."""

    def forward_parameters(self, batch_shape: torch.Size) -> Any: ...

    def get_submodule(self, target: str) -> torch.nn.Module: ...

    def __call__(self, images: Tensor, *, params: Samples) -> Tensor: ...


@dataclass(frozen=True)
class StepOutcome:
    """The outcome of one step in one draw: the sampled values, by Kornia's names, and the reason where it was left out."""

    step_id: str
    op: str
    is_applied: bool
    values: Mapping[str, float | list[float] | str] = field(default_factory=dict)
    reason: Text | None = None


@dataclass(frozen=True)
class Draw:
    """One draw: the picture, float (3, H, W) in [0, 1] on the CPU, and the outcome of each step."""

    image: Tensor
    steps: tuple[StepOutcome, ...]


def build_step(step: Step, height: int, width: int, device: str = "cpu") -> Augmentation:
    """Return the Kornia object of a step for pictures of this size. Not thread-safe: Kornia keeps state in it.

    On a CPU it is the entry's `quick` class, where it has one: the same sampled values, the same pixels.
    """
    entry = OPS[step.op]
    target = entry.resolve_quick() if device == "cpu" else entry.resolve()
    return target(**arguments(entry, step.params, height, width))


def arguments(entry: Operation, params: Mapping[str, Any], height: int, width: int) -> dict[str, Any]:
    """Return Kornia's arguments for a step's parameters: spans as tuples, pairs doubled, the size where required."""
    values: dict[str, Any] = {"size": (height, width)} if entry.is_sized else {}
    for key, value in params.items():
        if key in entry.pairs:
            values[key] = (value, value)
        elif key in entry.tensors:
            values[key] = torch.tensor(value)
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    return {**values, **dict(entry.fixed)}


def draw_images(
    pipeline: Pipeline,
    image: Tensor,
    draws: int,
    image_key: str = "",
    device: str | None = None,
    *,
    first: int = 0,
    cache: DrawCache | None = None,
) -> list[Draw]:
    """Return the draws of one picture, float (3, H, W) in [0, 1], numbered from `first` up to, but not including, `draws`.

    Each step has its own seed, of the pipeline's seed, the step's id, `image_key` and the draw's number, so a change of one step does not
    change what other steps sample. With a `cache`, draws start after the last cached step, and `image_key` must identify these very pixels.
    Pictures share memory with the cache: do not write to them.
    """
    steps = [step for step in pipeline.steps if step.on]
    names = stage_names(pipeline.seed, image_key, image.shape, device, range(first, draws), steps)
    done, stage = cache.latest(names) if cache else (0, ())
    if not done:
        stage = ((image.to(device or "cpu").unsqueeze(0), ()),) * (draws - first)
    for step, name in zip(steps[done:], names[done:], strict=True):
        built: dict[str, Augmentation] = {}
        after = [
            apply_step(step, images, seed_of(pipeline.seed, step.seed_name, image_key, number), built)
            for number, (images, _outcomes) in enumerate(stage, first)
        ]
        stage = tuple((images, (*outcomes, outcome)) for (images, outcome), (_before, outcomes) in zip(after, stage, strict=True))
        if cache:
            cache.add(name, stage)
    return [Draw(images[0].cpu(), outcomes) for images, outcomes in stage]


def film_draw(pipeline: Pipeline, image: Tensor, number: int = 0, image_key: str = "", device: str | None = None) -> list[Draw]:
    """Return draw `number` after every step, each with that step's outcome alone; the last one is the draw itself."""
    images, film = image.to(device or "cpu").unsqueeze(0), []
    for step in pipeline.steps:
        if step.on:
            images, outcome = apply_step(step, images, seed_of(pipeline.seed, step.seed_name, image_key, number))
            film.append(Draw(images[0].cpu(), (outcome,)))
    return film


def apply_step(
    step: Step, images: Tensor, seed: int, built: dict[str, Augmentation] | None = None, *, is_map: bool = False
) -> tuple[Tensor, StepOutcome]:
    """Return one picture (1, 3, H, W) after a step whose values are sampled from `seed`, and the outcome.

    `built` caches the Kornia objects by step id for further pictures of this size: a policy takes longer to build than to apply. Where
    `is_map`, the picture holds coordinates instead of colours, and of a policy only geometric operations are applied.
    """
    entry, (height, width) = OPS[step.op], images.shape[-2:]
    needed = entry.needs_side_px(step.params)
    if min(height, width) < needed:
        return images, StepOutcome(step.id, step.op, False, reason=_TOO_SMALL.fill(side=needed))
    built = {} if built is None else built
    if step.id not in built:
        built[step.id] = build_step(step, height, width, images.device.type)
    augmentation = built[step.id]
    with drawing(seed), torch.no_grad():
        sampled = augmentation.forward_parameters(images.shape)
    values: Mapping[str, float | list[float] | str]
    if entry.is_policy:
        names = _policy_names(sampled)
        is_applied, values = bool(names), {"operations": ", ".join(names)} if names else {}
    else:
        is_applied = bool(sampled["batch_prob"].reshape(-1)[0] > 0.5)
        values = _shown(entry, sampled) if is_applied else {}
    if is_applied:
        with torch.no_grad():
            images = _clean(augmentation(images, params=_moving(augmentation, sampled) if is_map and entry.is_policy else sampled))
    return images, StepOutcome(step.id, step.op, is_applied, values)


def _policy_names(sampled: list[ParamItem]) -> list[str]:
    """Return the operations that a policy drew and applied to one picture, by Kornia's names."""
    return [
        item.name.rpartition("_")[0]
        for sequence in sampled
        for item in _operations(sequence)
        if not isinstance(item.data, dict) or "batch_prob" not in item.data or bool(item.data["batch_prob"].reshape(-1)[0] > 0.5)
    ]


def _operations(sequence: ParamItem) -> list[ParamItem]:
    """Return what was drawn for each operation of one of a policy's sequences."""
    assert isinstance(sequence.data, list)
    return sequence.data


def _moving(policy: Augmentation, sampled: list[ParamItem]) -> list[ParamItem]:
    """Return the geometric operations of those that a policy drew, in their order and with their values."""
    return [
        ParamItem(sequence.name, geometric)
        for sequence in sampled
        if (
            geometric := [
                item
                for item in _operations(sequence)
                if isinstance(policy.get_submodule(f"{sequence.name}.{item.name}").op, GeometricAugmentationBase2D)
            ]
        )
    ]


def _clean(images: Tensor) -> Tensor:
    """Return pictures clamped to [0, 1]: some operations leave the range (noise), some give NaN at their limits."""
    return images.clamp(0.0, 1.0).nan_to_num_(nan=0.0)


def _shown(entry: Operation, sampled: Mapping[str, Tensor]) -> dict[str, float | list[float]]:
    """Return the sampled values to show, of the first picture, rounded."""
    rounded_values: dict[str, float | list[float]] = {}
    for name, _label, _unit in entry.shows:
        values = torch.as_tensor(sampled[name])
        if values.numel() == 0:
            continue
        first = values[0].reshape(-1).tolist()
        rounded = [round(float(value), 3) for value in first]
        rounded_values[name] = rounded[0] if len(set(rounded)) == 1 else rounded
    return rounded_values


def augment_batch(pipeline: Pipeline, images: Tensor, seed: int) -> Tensor:
    """Return a batch with every picture augmented by its own sampled values; `images` is float (B, 3, H, W) in [0, 1].

    The same pipeline, seed and shape give the same pictures. Each step runs once over the whole batch.
    """
    height, width = images.shape[-2:]
    with torch.no_grad():
        for step in pipeline.steps:
            if not step.on or min(height, width) < OPS[step.op].needs_side_px(step.params):
                continue
            augmentation = build_step(step, height, width, images.device.type)
            with drawing(seed_of(pipeline.seed, step.seed_name, seed)):
                if OPS[step.op].is_policy:  # Kornia draws one policy for a whole batch: applied picture by picture, each has its own
                    alone = torch.Size((1, *images.shape[1:]))
                    sampled = [augmentation.forward_parameters(alone) for _ in images]
                else:
                    sampled = augmentation.forward_parameters(images.shape)
            if OPS[step.op].is_policy:
                images = torch.cat(
                    [augmentation(image[None], params=parameters) for image, parameters in zip(images, sampled, strict=True)]
                )
            else:
                images = augmentation(images, params=sampled)
            images = _clean(images)
    return images
