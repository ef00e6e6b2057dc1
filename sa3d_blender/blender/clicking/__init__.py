"""Objects to cut out and the prompts on the picture: list, tool, live masks."""
