"""SA3D itself: mask inverse rendering, cross-view self-prompting, and their result."""
