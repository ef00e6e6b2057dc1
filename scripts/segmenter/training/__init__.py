"""How the bundled segmenter is trained."""
