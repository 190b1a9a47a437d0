"""What an answer rests on: heat maps, filters, activations, a data set as a map."""
