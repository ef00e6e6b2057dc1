"""Vanilla NeRF, as nerf-pytorch trains it."""
