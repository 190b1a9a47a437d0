"""Classifiers that were trained elsewhere, and their backbones."""
