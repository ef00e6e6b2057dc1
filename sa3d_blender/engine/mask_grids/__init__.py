"""Mask grids: how views vote into them, what a finished one tells, and how it is saved."""
