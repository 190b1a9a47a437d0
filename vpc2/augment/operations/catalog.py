"""The table of augmentation operations, under Kornia's own names. Standard library only.

Every operation returns pictures of the input size, so that batches keep their shape: crops are resized back. The literals are in
`geometry.py`, `colour.py`, `conditions.py` and `automatic.py`.
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
