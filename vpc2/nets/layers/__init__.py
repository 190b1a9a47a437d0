"""The layer types of nets: their table, and the rules for shapes, costs and windows."""
