"""What is computed for the screen, once, and kept."""
