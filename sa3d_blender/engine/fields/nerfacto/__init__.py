"""Nerfstudio's nerfacto."""
