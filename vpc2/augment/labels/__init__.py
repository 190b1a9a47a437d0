"""Boxes, points and masks that follow the picture, and the files they are kept in."""
