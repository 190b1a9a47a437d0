"""The machine: what it has and allows, what packages may write there, files written whole, caches of bounded size."""
