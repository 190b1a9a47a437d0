"""The trainer: data, model, loop, validation, checkpoint."""
