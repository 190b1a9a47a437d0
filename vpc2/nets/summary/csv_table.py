"""A net's numbers as a table for a spreadsheet, one row a layer, those inside blocks behind them. Standard library only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from vpc2.nets.layers.formulas import BYTES
from vpc2.nets.summary.layer_summary import LayerFacts, Summary

COLUMNS = (
    "path", "depth", "name", "kind", "output", "kernel_size", "stride", "padding", "parameters", "multiply_adds", "memory_bytes",
    "receptive_field_px", "jump_px", "problem",
)  # fmt: skip
TOTAL = "total"
_WINDOW = ("kernel_size", "stride", "padding")


def to_csv(summary: Summary) -> str:
    """Return the net as CSV (RFC 4180): every layer by its path, its shapes as `height x width x channels`, and the totals.

    A block counts all that it holds, every copy, so the rows of depth 0 alone add up to the totals; below a block that
    repeats stands its first copy. Nothing that a visitor wrote is in it, so no cell can be a formula.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)  # its default dialect is RFC 4180: commas, doubled quotes, CRLF
    writer.writeheader()
    writer.writerows(_rows(summary.layers))
    output = _shape(summary.output)
    totals = {"parameters": summary.params, "multiply_adds": summary.macs, "memory_bytes": summary.activation_bytes}
    writer.writerow({"path": TOTAL, "name": TOTAL, "output": output, **totals})
    return out.getvalue()


def short_name(facts: LayerFacts) -> str:
    """Return a layer's name without the block's that it follows from: `res1/conv1` gives `conv1`."""
    return facts.name.rpartition("/")[2]


def named_branches(facts: LayerFacts) -> list[tuple[str, tuple[LayerFacts, ...]]]:
    """Return a block's branches with what their paths begin with: `derived/`, `branch2/`, or nothing where there is one."""
    last = len(facts.inside) - 1
    several = len(facts.inside) - facts.derived > 1
    return [
        ("derived/" if facts.derived and i == last else f"branch{i + 1}/" if several else "", branch)
        for i, branch in enumerate(facts.inside)
    ]


def _rows(layers: Sequence[LayerFacts], depth: int = 0, prefix: str = "") -> Iterator[dict[str, object]]:
    for facts in layers:
        path = f"{prefix}{short_name(facts)}"
        yield {
            "path": path,
            "depth": depth,
            "name": facts.name,
            "kind": facts.kind,
            "output": _shape(facts.output),
            **{key: _sides(facts.layer.params[key]) for key in _WINDOW if key in facts.layer.params},
            "parameters": facts.params,
            "multiply_adds": facts.macs,
            "memory_bytes": facts.numbers * BYTES,
            **({"receptive_field_px": facts.receptive_field, "jump_px": f"{facts.jump:.6g}"} if facts.output else {}),
            "problem": facts.problem.text.en if facts.problem else "",
        }
        for place, branch in named_branches(facts):
            yield from _rows(branch, depth + 1, f"{path}/{place}")


def _shape(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(str(n) for n in (*shape[1:], shape[0]))


def _sides(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)
