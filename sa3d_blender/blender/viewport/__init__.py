"""What the viewport shows: the NeRF behind the camera, its points, masks and prompts."""
