"""What Blender's side and the engine share: plain data, and the engine as a process."""
