"""Pipelines of augmentations: what can be done to a picture, and doing it."""
