"""Training: recipes and their settings, runs in worker processes, the queue, experiments, TensorBoard, export as a script."""
