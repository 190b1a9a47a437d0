"""The table of mixing operations (MixUp, CutMix, …): one literal each. Standard library only; they are applied in mixing.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpc2.catalog import Catalog, Entry
from vpc2.knobs import Number, Span, Whole
from vpc2.text import Text


@dataclass(frozen=True, kw_only=True)
class Mix(Entry):
    """A way of mixing.

    `pairs` are numeric knobs that Kornia takes twice, `tensors` spans that it takes as tensors, `is_sized` is True where it takes the
    output size, `fewest` is the minimum number of pictures. `torchvision` is the nearest call there, for a batch with its labels; empty
    where there is none.
    """

    pairs: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    is_sized: bool = False
    fewest: int = 2
    fixed: tuple[tuple[str, Any], ...] = ()
    torchvision: str = ""


def _grid(default: int) -> Whole:
    return Whole(key="grid", title=Text("Pieces a side"), default=default, low=2, high=8)


MIXES: Catalog[Mix] = Catalog(
    Text("way of mixing"),
    Mix(
        key="RandomMixUpV2",
        title=Text("MixUp"),
        help=Text("One picture shines through another; the label is mixed likewise (Zhang and others, 2018)."),
        target="vpc2.augment.custom.mixing.RandomMixUpV2",
        knobs=(Span(key="lambda_val", title=Text("Share of the other"), default=[0.2, 0.5], low=0.0, high=1.0, step=0.05),),
        tensors=("lambda_val",),
        torchvision="v2.MixUp(num_classes=CLASSES)",
    ),
    Mix(
        key="RandomCutMixV2",
        title=Text("CutMix"),
        help=Text("A rectangle of another picture is pasted in; the label is shared by area (Yun and others, 2019)."),
        target="vpc2.augment.custom.mixing.RandomCutMixV2",
        knobs=(
            # Kornia's name is misleading: it is the range of lambda, so a larger value cuts a smaller piece, and 1 cuts nothing.
            Span(key="cut_size", title=Text("Share that stays"), default=[0.3, 0.8], low=0.0, high=0.95, step=0.05),
        ),
        tensors=("cut_size",),
        fixed=(("use_correct_lambda", True),),
        torchvision="v2.CutMix(num_classes=CLASSES)",
    ),
    Mix(
        key="PatchMix",
        title=Text("PatchMix"),
        help=Text("Square patches of another picture are pasted in."),
        target="vpc2.augment.custom.mixing.PatchMix",
        knobs=(
            Number(key="alpha", title=Text("Alpha of the Beta"), default=1.0, low=0.1, high=8.0),
            Whole(key="patch_size", title=Text("Patch"), default=32, low=4, high=128, unit="px"),
        ),
    ),
    Mix(
        key="RandomMosaic",
        title=Text("Mosaic"),
        help=Text("Four pictures meet in one, as detectors are trained (YOLOv4, 2020)."),
        target="vpc2.augment.custom.mixing.RandomMosaic",
        knobs=(Span(key="start_ratio_range", title=Text("Where they meet"), default=[0.3, 0.7], low=0.1, high=0.9, step=0.05),),
        is_sized=True,
        fixed=(("p", 1.0),),
    ),
    Mix(
        key="RandomJigsaw",
        title=Text("Jigsaw"),
        help=Text("The pieces of each picture change places; its label stays."),
        target="kornia.augmentation.RandomJigsaw",
        knobs=(_grid(4),),
        pairs=("grid",),
        fewest=1,
        fixed=(("p", 1.0),),
    ),
)
