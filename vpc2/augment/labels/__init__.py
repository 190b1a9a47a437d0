"""Boxes, points and masks: moving them with the pixels, reading and writing label files."""
