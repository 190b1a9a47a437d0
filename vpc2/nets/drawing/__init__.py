"""Where the layers of a net stand on the page, and its picture."""
