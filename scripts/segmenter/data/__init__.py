"""Pictures with masks that the segmenter is trained on."""
