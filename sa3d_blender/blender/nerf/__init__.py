"""A NeRF in the scene: its Empty, ways to load one, its training cameras."""
