"""Cached computations for the pages: augmented draws, net views, predictions, classifiers, data sets."""
