"""Runs as folders: store, status, events, snapshots, verdicts, liveness of the worker, retention."""
