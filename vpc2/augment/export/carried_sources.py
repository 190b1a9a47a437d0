"""The classes of this project that an exported script uses, as text: the script needs nothing of this project. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable

from vpc2.sources import Carrier


def carried_code(wanted: Iterable[str]) -> tuple[list[str], str]:
    """Return the import lines and the definitions of what is wanted and of all that it uses.

    `wanted` are dotted names, such as "vpc2.augment.custom.colour.RandomContrast".

    What a definition uses comes before it; where nothing is wanted both are empty.
    """
    carrier = Carrier()
    for name in sorted(wanted):
        carrier.add(name)
    definitions = "\n\n\n".join(carrier.definitions)
    return list(carrier.imports), f"\n\n{definitions}\n\n" if definitions else ""
