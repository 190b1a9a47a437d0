"""Training of one recipe: loop, model, training data, losses, evaluation, checkpoint, reporting, learning rate finder."""
