"""The HTTP face that all rooms share."""
