"""DirectVoxGO and SA3D's own checkpoints: bounded, forward-facing, unbounded."""
