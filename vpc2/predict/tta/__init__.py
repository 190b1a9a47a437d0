"""Test-time augmentation: views, and merging their predictions."""
