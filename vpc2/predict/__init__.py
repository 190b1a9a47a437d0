"""Classifiers: asking them, with one view or many, and measuring their answers."""
