"""Runs as folders: their state, record, verdicts and retention."""
