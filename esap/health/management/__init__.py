"""Commands about the health of peers."""
