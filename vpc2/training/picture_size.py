"""The side of a recipe's pictures: the one its net was made for, and a sentence that says what it is. Arithmetic only."""

from __future__ import annotations

from vpc2.data.datasets import find_dataset
from vpc2.knobs import Whole
from vpc2.nets.spec import Net
from vpc2.predict.spec import Backbone
from vpc2.text import Text
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe

BACKBONE_PX = 96  # pretrained on 224 px; at 96 a run takes seconds on a CPU and loses little

_AS_MADE = Text("Pictures of {side} × {side} px, as the net was made for.")
_OTHERWISE = Text("Pictures of {side} × {side} px; the net was made for {made} × {made}.")
_ENLARGED = Text("The data has {own} × {own} px: they are enlarged, which shows nothing more.")


def made_for_px(net: Net | Backbone) -> int:
    """Return the side, in pixels, of the square pictures that a net was made for, within the limits of the setting."""
    knob = SETTINGS.knob("size_px")
    assert isinstance(knob, Whole)
    side = BACKBONE_PX if isinstance(net, Backbone) else max(net.input[1:])
    return min(max(side, knob.low), knob.high)


def describe_picture_size(recipe: Recipe) -> tuple[Text, ...]:
    """Return one sentence on the side of a recipe's pictures beside that of its net, and one more where small data is enlarged."""
    side, made, own = recipe.settings["size_px"], made_for_px(recipe.net), find_dataset(recipe.dataset).size_px
    first = _AS_MADE.fill(side=side) if side == made else _OTHERWISE.fill(side=side, made=made)
    return (first, _ENLARGED.fill(own=own)) if own < side else (first,)
