"""What holds for all tests: none depends on what this computer's user has downloaded."""

import os

os.environ.pop("SA3D_WEIGHTS", None)
