"""What a net can be built of: one literal a layer, by families. Standard library only; `target` is resolved when a net is built."""

from vpc2.catalog import Catalog
from vpc2.nets.layers.blocks import BLOCKS
from vpc2.nets.layers.elementwise import PLAIN
from vpc2.nets.layers.kind import FAMILIES, LayerKind
from vpc2.nets.layers.spatial import WINDOWS
from vpc2.text import Text

__all__ = ["FAMILIES", "LAYERS"]

LAYERS: Catalog[LayerKind] = Catalog(Text("layer"), *WINDOWS, *PLAIN, *BLOCKS)
