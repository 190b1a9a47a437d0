"""What can be done to a picture: one literal an operation, under Kornia's own names. Standard library only.

Every operation returns pictures of the size it was given, so that batches keep their shape: crops are resized back.
The literals stand in `ops_geometry.py`, `ops_colour.py`, `ops_conditions.py` and `ops_auto.py`.
"""

from __future__ import annotations

from vpc2.augment.operations.automatic import AUTO
from vpc2.augment.operations.colour import COLOUR
from vpc2.augment.operations.conditions import CONDITIONS
from vpc2.augment.operations.geometry import GEOMETRY
from vpc2.augment.operations.operation import Operation
from vpc2.catalog import Catalog
from vpc2.text import Text

FAMILIES = {
    "geometric": Text("Geometric"),
    "colour": Text("Colour"),
    "blur": Text("Blur and sharpness"),
    "noise": Text("Noise and compression"),
    "light": Text("Light"),
    "weather": Text("Weather"),
    "occlusion": Text("Occlusion"),
    "auto": Text("Automatic"),
}

OPS: Catalog[Operation] = Catalog(Text("operation"), *GEOMETRY, *COLOUR, *CONDITIONS, *AUTO)
