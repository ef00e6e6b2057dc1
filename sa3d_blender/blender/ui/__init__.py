"""Operators, panels, menus and the tool: they call the api and read the rest."""
