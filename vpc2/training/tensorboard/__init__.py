"""TensorBoard's event files, written from a run's own events."""
