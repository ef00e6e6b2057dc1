"""TensoRF: VM and CP decompositions."""
