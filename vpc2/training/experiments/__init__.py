"""Experiments: two recipes trained with the same seeds, their storage and statistical comparison."""
