"""Exports of a pipeline: code for three libraries, an augmented data set, its cost."""
