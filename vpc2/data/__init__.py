"""Data sets: the table, their readers, uploads, drafts and splits."""
