"""Export of a run as one plain PyTorch script with its data: script, its parts, ZIP bundle."""
