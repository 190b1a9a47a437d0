"""Places in a net for the editor: the neighbouring place in a direction, and the channels that arrive at a place."""

from __future__ import annotations

from dataclasses import replace

from vpc2.nets.spec import Net, Place
from vpc2.nets.summary.layer_summary import Summary


def input_channels(net: Net, summary: Summary, place: Place) -> int:
    """Return the number of channels of the image that a layer at this place would get, 0 where it would get no image."""
    if place.at:
        shape = summary.facts(net.siblings(place)[place.at - 1].id).output
    else:
        shape = summary.facts(place.inside).input if place.inside else net.input
    return shape[0] if shape is not None and len(shape) == 3 else 0


def neighbour_place(net: Net, layer_id: str, direction: str) -> Place | None:
    """Return the place one step from a layer in a direction, None where there is none.

    "left" and "right": beyond its neighbour; "down": into the block after it, else into the next branch; "up": into the previous
    branch, else out of its block.
    """
    place = net.place_of(layer_id)
    siblings = net.siblings(place)
    if direction == "left":
        return replace(place, at=place.at - 1) if place.at else None
    if direction == "right":
        return replace(place, at=place.at + 2) if place.at + 1 < len(siblings) else None
    if direction == "down" and place.at + 1 < len(siblings) and siblings[place.at + 1].branches:
        return Place(0, siblings[place.at + 1].id)
    if not place.inside:
        return None
    branches, branch = net.layer(place.inside).branches, place.branch + (1 if direction == "down" else -1)
    if 0 <= branch < len(branches):
        return Place(min(place.at, len(branches[branch])), place.inside, branch)
    block_place = net.place_of(place.inside)
    return replace(block_place, at=block_place.at + 1) if direction == "up" else None
