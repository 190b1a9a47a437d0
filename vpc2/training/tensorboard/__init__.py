"""TensorBoard event files of a run: file format, sink for events and snapshots, summaries."""
