"""`LAYERS`: the table of all layer types a net can be built of, by family. Standard library only.

Each type is one literal; its torch class (`target`) is imported when a net is built.
"""

from vpc2.catalog import Catalog
from vpc2.nets.layers.blocks import BLOCK_LAYERS
from vpc2.nets.layers.elementwise import ELEMENTWISE_LAYERS
from vpc2.nets.layers.kind import FAMILIES, LayerKind
from vpc2.nets.layers.spatial import SPATIAL_LAYERS
from vpc2.text import Text

__all__ = ["FAMILIES", "LAYERS"]

LAYERS: Catalog[LayerKind] = Catalog(Text("layer"), *SPATIAL_LAYERS, *ELEMENTWISE_LAYERS, *BLOCK_LAYERS)
