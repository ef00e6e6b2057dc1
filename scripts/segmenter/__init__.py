"""The bundled segmenter: its data, its training and its figures."""
