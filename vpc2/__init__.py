"""vpc2: the visual playground of computer vision."""
