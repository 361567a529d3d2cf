"""The OAuth servers that users log in at, and those that they connect to."""
