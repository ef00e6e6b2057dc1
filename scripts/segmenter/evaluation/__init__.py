"""What a segmenter is worth: clicks on objects whose masks are known."""
