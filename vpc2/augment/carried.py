"""The classes of this project that an exported script uses, as text, so that the script needs nothing of this project. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable

from vpc2.sources import Carrier, import_block

_STANDING = ("import torch", "import kornia.augmentation as K")  # what the scripts import anyway


def carried_code(wanted: Iterable[str], standing: tuple[str, ...] = _STANDING) -> str:
    """Return imports and definitions of what is wanted ("module.Name", a module of this folder) and of all that it uses; "" for nothing.

    What a definition uses comes before it, imports come first, without those in `standing`.
    """
    carrier = Carrier()
    for name in sorted(wanted):
        carrier.add(f"vpc2.augment.{name}")
    imports = import_block([line for line in carrier.imports if line not in standing])
    return "\n\n\n".join([*filter(None, [imports]), *carrier.definitions])
