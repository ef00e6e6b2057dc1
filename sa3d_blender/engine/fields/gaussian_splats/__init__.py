"""3D Gaussian splats: files, rendering, and one of them as a radiance field."""
