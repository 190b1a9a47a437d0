"""Ready nets: small ones that train in seconds, the field's, and pairs to compare. Each is made when it is first asked for."""

from vpc2.catalog import Catalog
from vpc2.nets.preset_kind import NetPreset
from vpc2.nets.presets_field import FIELD
from vpc2.nets.presets_small import PAIRS, SMALL
from vpc2.words import Text

__all__ = ["NETS"]

NETS: Catalog[NetPreset] = Catalog(Text("net", "red"), *SMALL, *FIELD, *PAIRS)
