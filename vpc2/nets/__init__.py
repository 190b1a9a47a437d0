"""Nets: layers, their arithmetic, and the modules they become."""
