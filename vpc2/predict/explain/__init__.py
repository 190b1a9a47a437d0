"""Explanations of predictions: heat maps, filters, activations, feature embeddings of a data set."""
