"""Inspection of a net: activations, effective receptive fields, one window in numbers."""
