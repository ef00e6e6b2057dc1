"""The one engine and the one job that runs: starting it, asking it, what it says of itself."""
