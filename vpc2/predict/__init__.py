"""Classifiers: prediction, test-time augmentation, evaluation, explanations, attacks, corruptions and exports."""
