"""PyTorch code that others wrote, read as text and never run."""
