"""Meshes that came back, and what can be made of a finished run."""
