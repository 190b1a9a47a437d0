"""The queue of runs: this machine's worker processes."""
