"""A visitor's own words inside Markdown."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&@/])")


def literal(name: str) -> str:
    """Return a visitor's own words so that Markdown shows them letter by letter: no link, picture, colour or formula.

    A backslash alone does not stop bare addresses from becoming links; a zero-width joiner inside `://` and `www.` does.
    """
    split = name.replace("://", ":\u2060//").replace("www.", "www\u2060.")
    return _SPECIAL.sub(r"\\\1", split)
