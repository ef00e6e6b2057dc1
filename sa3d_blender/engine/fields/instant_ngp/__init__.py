"""Instant-NGP's snapshots."""
