"""PNG export of the drawing of a net."""

from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path
from xml.etree import ElementTree

MAX_WIDTH_PX = 8000


# Families for "sans-serif", in order of preference: those of browsers, then those of Linux.
SANS_FAMILIES = (
    *("Arial", "Helvetica", "Helvetica Neue", "Segoe UI", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Open Sans", "Ubuntu"),
    *("Cantarell", "Roboto", "FreeSans", "Nimbus Sans", "Verdana", "Tahoma"),
)


def to_png(svg: str, width_px: int = 0) -> bytes:
    """Return an SVG as PNG on white, `width_px` wide (0: twice its own width, at most `MAX_WIDTH_PX`).

    Its texts are set in the first of `SANS_FAMILIES` that this machine has. Where it has none, they are set in Pillow's own font,
    which lacks the multiplication sign: "x" replaces it.
    """
    import resvg_py

    width_px = width_px or min(2 * round(float(ElementTree.fromstring(svg).attrib["width"])), MAX_WIDTH_PX)
    family = _sans_family()
    if family is not None:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width_px, background="#ffffff", sans_serif_family=family))
    from PIL import ImageFont

    font = ImageFont.load_default(16)
    assert isinstance(font, ImageFont.FreeTypeFont) and isinstance(font.path, io.BytesIO)  # Pillow's own font is in memory
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "font.ttf"
        file.write_bytes(font.path.getvalue())
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg.replace("×", "x"),
                width=width_px,
                background="#ffffff",
                skip_system_fonts=True,
                font_files=[str(file)],
                sans_serif_family=font.getname()[0],
            )
        )


@functools.cache
def _sans_family() -> str | None:
    """Return the first of `SANS_FAMILIES` with which a test text is drawn, None without one. resvg itself tries only Arial."""
    import resvg_py
    from PIL import Image

    probe = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><text x="4" y="30" font-family="sans-serif">×</text></svg>'
    for family in SANS_FAMILIES:
        drawn = bytes(resvg_py.svg_to_bytes(svg_string=probe, sans_serif_family=family))
        if Image.open(io.BytesIO(drawn)).getbbox() is not None:
            return family
    return None
