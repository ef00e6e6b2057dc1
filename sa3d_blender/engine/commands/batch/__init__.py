"""``sa3d batch``: many jobs on the workers of a Dask cluster."""
