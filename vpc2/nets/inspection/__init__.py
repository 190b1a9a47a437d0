"""Looking into a net: activations, effective receptive fields, one window in numbers."""
