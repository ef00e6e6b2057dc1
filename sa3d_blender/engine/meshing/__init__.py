"""From a mask grid and the density to closed, coloured, textured meshes and their files."""
