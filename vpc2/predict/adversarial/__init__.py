"""Adversarial attacks on a classifier."""
