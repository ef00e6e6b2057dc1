"""Which views a run looks at, and what is kept of each."""
