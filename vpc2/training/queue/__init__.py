"""The queue of runs: interface, local implementation with worker processes, recording of a run."""
