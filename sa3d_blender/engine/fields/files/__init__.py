"""Reading files that nobody vouches for: checkpoints, YAML, arrays, what changed on disk."""
