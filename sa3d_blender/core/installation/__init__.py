"""Making the engine's Python environment and fetching weights; no bpy."""
