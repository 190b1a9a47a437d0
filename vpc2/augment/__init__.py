"""Augmentation pipelines: operations, specs, applying them, mixing, labels and exports."""
