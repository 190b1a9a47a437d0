"""Training: a recipe, a run in its own process, and the record it leaves."""
