"""This project's own augmentations, written like Kornia's classes. Exported code carries their sources."""
