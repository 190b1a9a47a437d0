"""Data sets: one table, and what reads each."""
