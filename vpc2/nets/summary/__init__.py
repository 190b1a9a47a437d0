"""The numbers of a net, by arithmetic alone: shapes, costs, receptive fields, limits of parameters, differences of two nets."""
