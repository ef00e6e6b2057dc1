"""Warps between the field frame and the space that a network or grid was trained in."""
