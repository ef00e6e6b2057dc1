"""Rays, packed samples, and the pictures made of them."""
