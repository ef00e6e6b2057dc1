"""Plenoxels, as svox2 writes them."""
