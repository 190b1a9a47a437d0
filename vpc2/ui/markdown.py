"""Escaping of visitors' texts for Markdown."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&@/])")


def escape(text: str) -> str:
    """Return a text escaped so that Markdown shows it literally: no link, image, colour or formula.

    A backslash alone does not keep bare URLs from becoming links; a word joiner (U+2060) inside `://` and `www.` does.
    """
    split = text.replace("://", ":\u2060//").replace("www.", "www\u2060.")
    return _SPECIAL.sub(r"\\\1", split)
