"""CSV cells that a spreadsheet shows as text. Standard library only."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_text_cell(text: str) -> str:
    """Return a visitor's text for a CSV cell, with a leading quote where a spreadsheet would read it as a formula.

    Which first characters these are: OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
