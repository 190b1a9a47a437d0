"""The table of augmentation operations."""
