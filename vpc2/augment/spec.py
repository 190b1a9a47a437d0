"""The spec of an augmentation pipeline: a seed, a list of steps, and mixing; and functions that edit it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from vpc2.augment.mixes import MIXES
from vpc2.augment.operations.catalog import OPS
from vpc2.codec import check_keys
from vpc2.knobs import Whole
from vpc2.text import Refusal, Text, clean_name

MAX_STEPS = 32
REDRAWS = Whole(key="redraws", title=Text("Redraws"), default=0, low=0, high=2**31 - 1)
SEED = Whole(key="seed", title=Text("Seed"), default=1, low=0, high=2**31 - 1)

_PIPELINE = Text("A pipeline")
_STEP = Text("A step")
_MIX = Text("The mixing of a pipeline")
_NOT_A_LIST = Text("The steps of a pipeline must be a list.")
_TOO_MANY = Text("A pipeline has at most {limit} steps; this one has {count:,}.")
_BAD_ID = Text("Two steps carry the same id “{id}”, or it is not a plain one.")
_BAD_ON = Text("“on” of a step must be true or false.")
_ID = re.compile(r"[a-z][a-z0-9]{0,11}")


@dataclass(frozen=True)
class Step:
    """One operation with its parameters. `id` stays the same when the step moves; `on` is False while it is muted.

    `redraws` counts how often this step alone was redrawn: it is part of the step's seed and of no other's.
    """

    id: str
    op: str
    params: dict[str, Any] = field(default_factory=dict)
    on: bool = True
    redraws: int = 0

    @property
    def seed_name(self) -> str:
        """Return the step's part of its seed."""
        return f"{self.id}+{self.redraws}" if self.redraws else self.id


@dataclass(frozen=True)
class Mixing:
    """How a batch and its labels are mixed after the steps; `kind` is a key of MIXES."""

    kind: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pipeline:
    """A seed, the steps applied to a picture, in order, and the mixing of the batch afterwards, if any."""

    KIND: ClassVar[str] = "pipeline"

    steps: tuple[Step, ...] = ()
    seed: int = 1
    name: str = ""
    mix: Mixing | None = None

    def to_doc(self) -> dict[str, Any]:
        doc = {"name": self.name, "seed": self.seed, "steps": [_to_doc(step) for step in self.steps]}
        return doc if self.mix is None else {**doc, "mix": {"way": self.mix.kind, "params": self.mix.params}}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> tuple[Pipeline, list[Text]]:
        """Read a document's body; `ops` is accepted for `steps`. Raises `Refusal` naming the step and field at fault."""
        check_keys(_PIPELINE, doc, ("name", "seed", "steps", "ops", "mix"))
        listed = doc.get("steps", doc.get("ops", []))
        if not isinstance(listed, list):
            raise Refusal(_NOT_A_LIST)
        if len(listed) > MAX_STEPS:
            raise Refusal(_TOO_MANY.fill(limit=MAX_STEPS, count=len(listed)))
        pipeline = cls(seed=SEED.clean(doc.get("seed", SEED.default)), name=clean_name(doc.get("name", "")))
        for item in listed:
            check_keys(_STEP, item, ("id", "op", "params", "on", "redraws"))
            entry = OPS.find(item.get("op"))
            step_id = item.get("id", pipeline.free_id())
            if not isinstance(step_id, str) or not _ID.fullmatch(step_id) or pipeline.has(step_id):
                raise Refusal(_BAD_ID.fill(id=clean_name(step_id, 20)))
            if not isinstance(item.get("on", True), bool):
                raise Refusal(_BAD_ON)
            step = Step(
                step_id, entry.key, entry.clean(item.get("params", {})), item.get("on", True), REDRAWS.clean(item.get("redraws", 0))
            )
            pipeline = replace(pipeline, steps=(*pipeline.steps, step))
        if doc.get("mix") is None:
            return pipeline, []
        document = check_keys(_MIX, doc["mix"], ("way", "params"))
        mix = MIXES.find(document.get("way"))
        return replace(pipeline, mix=Mixing(mix.key, mix.clean(document.get("params", {})))), []

    def has(self, step_id: str) -> bool:
        return any(step.id == step_id for step in self.steps)

    def free_id(self) -> str:
        """Return an unused step id."""
        numbers = [int(step.id[1:]) for step in self.steps if step.id[1:].isdigit()]
        return f"s{max(numbers, default=0) + 1}"

    def is_plain(self) -> bool:
        """True where the pipeline does nothing: no step that is on, and no mixing."""
        return self.mix is None and not any(step.on for step in self.steps)


def _to_doc(step: Step) -> dict[str, Any]:
    entry = OPS[step.op]
    doc: dict[str, Any] = {"id": step.id, "op": step.op}
    if params := {key: value for key, value in step.params.items() if value != entry.knob(key).default}:
        doc["params"] = params
    if not step.on:
        doc["on"] = False
    if step.redraws:
        doc["redraws"] = step.redraws
    return doc


def edit_add(pipeline: Pipeline, op: str, params: dict[str, Any] | None = None) -> Pipeline:
    """Return the pipeline with a new step at its end; at the limit, raise `Refusal`."""
    if len(pipeline.steps) >= MAX_STEPS:
        raise Refusal(_TOO_MANY.fill(limit=MAX_STEPS, count=len(pipeline.steps) + 1))
    entry = OPS.find(op)
    return replace(pipeline, steps=(*pipeline.steps, Step(pipeline.free_id(), entry.key, entry.clean(params or {}))))


def edit_step(pipeline: Pipeline, step_id: str, change: Callable[[Step], Step]) -> Pipeline:
    """Return the pipeline with `change` applied to one step."""
    return replace(pipeline, steps=tuple(change(step) if step.id == step_id else step for step in pipeline.steps))


def edit_param(pipeline: Pipeline, step_id: str, key: str, value: Any) -> Pipeline:
    """Return the pipeline with one parameter of one step set; the value is validated by its knob."""

    def change(step: Step) -> Step:
        return replace(step, params={**step.params, key: OPS[step.op].knob(key).clean(value)})

    return edit_step(pipeline, step_id, change)


def edit_mix(pipeline: Pipeline, kind: str | None, params: dict[str, Any] | None = None) -> Pipeline:
    """Return the pipeline with this mixing, None for none; parameters are validated by their knobs."""
    return replace(pipeline, mix=None if kind is None else Mixing(MIXES.find(kind).key, MIXES.find(kind).clean(params or {})))


def edit_remove(pipeline: Pipeline, step_id: str) -> Pipeline:
    """Return the pipeline without one step."""
    return replace(pipeline, steps=tuple(step for step in pipeline.steps if step.id != step_id))


def edit_order(pipeline: Pipeline, order: Sequence[str]) -> Pipeline:
    """Return the pipeline with its steps in this order of ids; any other set of ids changes nothing."""
    by_id = {step.id: step for step in pipeline.steps}
    if sorted(order) != sorted(by_id):
        return pipeline
    return replace(pipeline, steps=tuple(by_id[step_id] for step_id in order))


def edit_redraw(pipeline: Pipeline, step_id: str) -> Pipeline:
    """Return the pipeline with new random values for one step; every other step keeps its own."""
    return edit_step(pipeline, step_id, lambda step: replace(step, redraws=(step.redraws + 1) % REDRAWS.high))


def edit_solo(pipeline: Pipeline, step_id: str) -> Pipeline:
    """Return the pipeline with one step alone, with the seed and sampled values it has in the whole."""
    return replace(pipeline, steps=tuple(replace(step, on=True) for step in pipeline.steps if step.id == step_id))


def edit_scale(pipeline: Pipeline, factor: float) -> Pipeline:
    """Return the pipeline for the same picture `factor` times as large: lengths in pixels are scaled, within their limits.

    A blur of nine pixels on a large picture is one of five on its preview of half the size.
    """

    def change(step: Step) -> Step:
        scaled = {knob.key: _scaled(knob, step.params[knob.key], factor) for knob in OPS[step.op].knobs if knob.scales}
        return replace(step, params={**step.params, **scaled})

    return replace(pipeline, steps=tuple(change(step) for step in pipeline.steps))


def _scaled(knob: Any, value: Any, factor: float) -> Any:
    if isinstance(value, list):
        return [_scaled(knob, part, factor) for part in value]
    scaled = min(max(value * factor, knob.low), knob.high)
    if getattr(knob, "odd", False):
        return max(int(knob.low), 2 * round((scaled - 1) / 2) + 1)
    return round(scaled) if isinstance(value, int) else scaled


def edit_duplicate(pipeline: Pipeline, step_id: str) -> Pipeline:
    """Return the pipeline with a copy of one step right after it; at the limit, raise `Refusal`."""
    if len(pipeline.steps) >= MAX_STEPS:
        raise Refusal(_TOO_MANY.fill(limit=MAX_STEPS, count=len(pipeline.steps) + 1))
    steps = [copy for step in pipeline.steps for copy in ([step, replace(step, id=pipeline.free_id())] if step.id == step_id else [step])]
    return replace(pipeline, steps=tuple(steps))
