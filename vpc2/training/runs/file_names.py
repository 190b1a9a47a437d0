"""Names of the weight files in a run's folder: best model, checkpoint, initial weights."""

from __future__ import annotations

MODEL_NAME = "model.safetensors"
CHECKPOINT_NAME = "checkpoint.safetensors"
START_NAME = "start.safetensors"
