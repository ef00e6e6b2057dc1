"""Where along the rays a field is asked: marching, occupancy, proposals."""
