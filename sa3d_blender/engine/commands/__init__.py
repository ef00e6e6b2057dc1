"""The engine's doors: command line and server, and the session that both share."""
