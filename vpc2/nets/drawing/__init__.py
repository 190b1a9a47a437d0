"""The drawing of a net: layout of its layers on the page, and SVG."""
