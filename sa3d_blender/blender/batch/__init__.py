"""Batches: jobs for ``sa3d batch`` from this scene, and its results back in it."""
