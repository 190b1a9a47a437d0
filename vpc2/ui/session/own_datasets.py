"""The data sets that the visitor uploaded, and the check that nobody else uses them."""

from __future__ import annotations

from vpc2.text import Refusal, Text
from vpc2.ui.session import workspace

_NOT_YOURS = Text(
    "These pictures were added by somebody else, for themselves alone: choose another data set, or add the pictures yourself."
)


def keys() -> list[str]:
    """Return the keys of the data sets that this visitor uploaded."""
    from vpc2.data import uploaded_sets

    return uploaded_sets.keys_of(workspace.visitor_id())


def is_visible(key: str) -> bool:
    """True where this visitor may see the images of a data set."""
    from vpc2.data import uploaded_sets

    return uploaded_sets.is_visible_to(key, workspace.visitor_id())


def require_visible(key: str) -> None:
    """Raise `Refusal` for a data set that another visitor uploaded."""
    if not is_visible(key):
        raise Refusal(_NOT_YOURS)
