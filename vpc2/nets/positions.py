"""Places in a net as hands ask for them: one step away, and what arrives there."""

from __future__ import annotations

from dataclasses import replace

from vpc2.nets.spec import Net, Place
from vpc2.nets.summary.layer_summary import Summary


def arriving_channels(net: Net, summary: Summary, place: Place) -> int:
    """Return how many channels of a picture arrive at a place, 0 where no picture does."""
    if place.at:
        shape = summary.facts(net.siblings(place)[place.at - 1].id).output
    else:
        shape = summary.facts(place.inside).input if place.inside else net.input
    return shape[0] if shape is not None and len(shape) == 3 else 0


def shifted_place(net: Net, layer_id: str, way: str) -> Place | None:
    """Return the place one step away, None where there is no such step.

    That is beside its neighbour ("left", "right"), into the block behind it or else the next branch ("down"), into the branch
    before or else out of its block ("up").
    """
    place = net.place_of(layer_id)
    siblings = net.siblings(place)
    if way == "left":
        return replace(place, at=place.at - 1) if place.at else None
    if way == "right":
        return replace(place, at=place.at + 2) if place.at + 1 < len(siblings) else None
    if way == "down" and place.at + 1 < len(siblings) and siblings[place.at + 1].branches:
        return Place(0, siblings[place.at + 1].id)
    if not place.inside:
        return None
    branches, branch = net.layer(place.inside).branches, place.branch + (1 if way == "down" else -1)
    if 0 <= branch < len(branches):
        return Place(min(place.at, len(branches[branch])), place.inside, branch)
    outside = net.place_of(place.inside)
    return replace(outside, at=outside.at + 1) if way == "up" else None
