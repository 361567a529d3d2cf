"""Commands of the shared HTTP face."""
