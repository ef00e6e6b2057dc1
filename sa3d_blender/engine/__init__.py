"""The engine: radiance fields, segmentation and meshes, with torch, in a process of its own."""
