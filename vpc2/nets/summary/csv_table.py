"""CSV export of a net's numbers, one row for each layer, those inside a block after it. Standard library only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from vpc2.nets.layers.formula_texts import BYTES
from vpc2.nets.summary.layer_summary import LayerFacts, Summary

COLUMNS = (
    "path", "depth", "name", "kind", "output", "kernel_size", "stride", "padding", "parameters", "multiply_adds", "memory_bytes",
    "receptive_field_px", "jump_px", "problem",
)  # fmt: skip
TOTAL = "total"
_WINDOW = ("kernel_size", "stride", "padding")


def to_csv(summary: Summary) -> str:
    """Return the net as CSV (RFC 4180): every layer by its path, its shapes as `height x width x channels`, and the totals.

    The numbers of a block include everything inside it, every copy, so the rows of depth 0 alone add up to the totals; after a
    repeating block come the layers of its first copy. No text of a visitor is in it, so no cell can be a formula.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)  # its default dialect is RFC 4180: commas, doubled quotes, CRLF
    writer.writeheader()
    writer.writerows(_rows(summary.layers))
    output = _shape_text(summary.output)
    totals = {"parameters": summary.params, "multiply_adds": summary.macs, "memory_bytes": summary.activation_bytes}
    writer.writerow({"path": TOTAL, "name": TOTAL, "output": output, **totals})
    return out.getvalue()


def short_name(facts: LayerFacts) -> str:
    """Return a layer's name without that of the block it is derived from: `res1/conv1` gives `conv1`."""
    return facts.name.rpartition("/")[2]


def named_branches(facts: LayerFacts) -> list[tuple[str, tuple[LayerFacts, ...]]]:
    """Return a block's branches with the prefix of their paths: `derived/`, `branch2/`, or "" where there is only one."""
    last = len(facts.branches) - 1
    has_several = len(facts.branches) - facts.derived > 1
    return [
        ("derived/" if facts.derived and i == last else f"branch{i + 1}/" if has_several else "", branch)
        for i, branch in enumerate(facts.branches)
    ]


def _rows(layers: Sequence[LayerFacts], depth: int = 0, prefix: str = "") -> Iterator[dict[str, object]]:
    for facts in layers:
        path = f"{prefix}{short_name(facts)}"
        yield {
            "path": path,
            "depth": depth,
            "name": facts.name,
            "kind": facts.kind,
            "output": _shape_text(facts.output),
            **{key: _sides_text(facts.layer.params[key]) for key in _WINDOW if key in facts.layer.params},
            "parameters": facts.params,
            "multiply_adds": facts.macs,
            "memory_bytes": facts.output_values * BYTES,
            **({"receptive_field_px": facts.receptive_field, "jump_px": f"{facts.jump:.6g}"} if facts.output else {}),
            "problem": facts.problem.text.en if facts.problem else "",
        }
        for branch_prefix, branch in named_branches(facts):
            yield from _rows(branch, depth + 1, f"{path}/{branch_prefix}")


def _shape_text(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(str(n) for n in (*shape[1:], shape[0]))


def _sides_text(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)
