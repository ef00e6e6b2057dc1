"""Grids, small networks and encodings that several families are made of."""
