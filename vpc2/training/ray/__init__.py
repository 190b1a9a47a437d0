"""The queue of runs on a Ray cluster: queue, actor, connection. No other package imports ray."""
