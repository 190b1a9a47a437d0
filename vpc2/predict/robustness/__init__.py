"""Corruptions in rising strengths, and accuracy over strength."""
