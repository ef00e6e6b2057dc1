"""What concerns a NeRF with all that hangs on it: prompts, cameras, results."""
