"""Formatting numbers, percentages and percentage points in a language. Every number shown is formatted here. Standard library only."""

from __future__ import annotations

NO_BREAK = "\u00a0"  # between a number and its percent sign, in both languages
_DECIMAL_COMMA = {"es"}
SMALL = 0.095  # a part of a whole below this is shown with a decimal


def swap_separators(written: str) -> str:
    """Convert the separators of an English number to Spanish: `1,234.5` gives `1.234,5`."""
    return written.translate(str.maketrans(",.", ".,"))


def write_number(value: float, language: str, spec: str = ",") -> str:
    """Return a number formatted in `language`: 62,378,344 in English, 62.378.344 in Spanish."""
    written = format(value, spec)
    return swap_separators(written) if language in _DECIMAL_COMMA else written


def write_points(share: float, language: str, decimals: int = 1, *, sign: str = "") -> str:
    """Return a share (0 to 1), or a difference of two, times 100 and without unit; `sign` "+" also shows the sign of positive ones."""
    return write_number(100 * float(share), language, f"{sign}.{decimals}f")


def write_percent(share: float, language: str, decimals: int | None = 1) -> str:
    """Return a share (0 to 1) as a percentage: 94.2 % or 94,2 %.

    One rule per kind of share: accuracies and probabilities have one decimal, counts of a few dozen draws none (their interval is wider
    than that), and parts of a whole, for which `decimals` is None, two digits: none from 9.5 % on, one below.
    """
    if decimals is None:
        decimals = 0 if share >= SMALL or share == 0 else 1
    return f"{write_points(share, language, decimals)}{NO_BREAK}%"
