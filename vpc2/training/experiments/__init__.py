"""Experiments: two recipes trained with the same seeds, and what their answers support."""
