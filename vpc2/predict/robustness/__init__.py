"""Corruptions at rising strengths, and accuracy against strength."""
