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
from vpc2.words import Text

FAMILIES = {
    "geometric": Text("Geometric", "Geométricas"),
    "colour": Text("Colour", "Color"),
    "blur": Text("Blur and sharpness", "Desenfoque y nitidez"),
    "noise": Text("Noise and compression", "Ruido y compresión"),
    "light": Text("Light", "Luz"),
    "weather": Text("Weather", "Clima"),
    "occlusion": Text("Occlusion", "Oclusión"),
    "auto": Text("Automatic", "Automáticas"),
}

OPS: Catalog[Operation] = Catalog(Text("operation", "operación"), *GEOMETRY, *COLOUR, *CONDITIONS, *AUTO)
