"""Test-time augmentation: views, and the ways to merge their answers."""
