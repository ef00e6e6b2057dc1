"""Small networks and encodings that several families share."""
