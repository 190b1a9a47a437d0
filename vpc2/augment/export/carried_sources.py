"""Sources of the classes that an exported script uses, so that the script does not import vpc2. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable

from vpc2.sources import Carrier


def carried_code(targets: Iterable[str]) -> tuple[list[str], str]:
    """Return the import lines and the definitions of these names and of all that they use; both empty for no names.

    `targets` are dotted names, such as "vpc2.augment.custom.colour.RandomContrast". A definition follows what it uses.
    """
    carrier = Carrier()
    for name in sorted(targets):
        carrier.add(name)
    definitions = "\n\n\n".join(carrier.definitions)
    return list(carrier.imports), f"\n\n{definitions}\n\n" if definitions else ""
