"""What a net comes to, by arithmetic alone: shapes, costs, receptive fields, limits of knobs, differences."""
