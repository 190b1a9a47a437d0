"""Short texts of a pipeline step and of parameter values."""

from __future__ import annotations

from typing import Any

from vpc2.augment import spec as pipelines
from vpc2.augment.operations.catalog import OPS
from vpc2.ui.session.i18n import number


def describe_step(step: pipelines.Step) -> str:
    """Return the summary of a step on its card: its first parameter and its probability p."""
    entry = OPS[step.op]
    knobs = [knob for knob in entry.knobs if knob.key != "p"]
    first = (
        f"{short_value(step.params[knobs[0].key])} {knobs[0].unit}".strip()
        if knobs and isinstance(step.params[knobs[0].key], int | float | list)
        else ""
    )
    chance = f"p {short_value(step.params['p'])}" if "p" in step.params else ""
    return " · ".join(part for part in (first, chance) if part)


def short_value(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, list | tuple):
        return " … ".join(short_value(v) for v in value)
    return number(value, ".3g") if isinstance(value, float) else str(value)
