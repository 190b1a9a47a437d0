"""What a net can be built of: the table of layers, and the rules for their shapes, costs and windows."""
